import { lstatSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { RootSpec } from "../../../../src/contract/index.ts";
import { isKinsyncError } from "../../../../src/errors/error.ts";
import { aroundCommit, endsAs, entriesOf, NEVER, takesBack, type PlantedFault } from "./fault-parts.ts";
import { TARGET } from "./local-environment.ts";

/** By requirement of the kit about ownership, liveness and commands: one mistake that this requirement must find. */
export const SESSION_FAULTS: Readonly<Record<string, PlantedFault>> = {
  "a session that another one of the same run replaced cannot commit": {
    fault: "a session takes the root back from another one of its run",
    ...takesBack("the same run"),
  },
  "a run that another run replaced cannot commit, and its error names the other": {
    fault: "a run takes the root back from another run",
    ...takesBack("another run"),
  },
  "two roots of one session are kept apart": {
    fault: "the paths of the first root are reported for every root",
    session: (sound) => {
      let first: RootSpec | undefined;
      return {
        inventory: async (root, options) => {
          first ??= root;
          return { ...(await sound.inventory(root, options)), placed: (await sound.inventory(first, options)).placed };
        },
      };
    },
  },
  "a release removes what is kept for the root alone, and the root can be claimed again": {
    fault: "a release removes nothing",
    session: () => ({ release: () => Promise.resolve() }),
  },
  "a release after another run claimed the root rejects, and changes nothing": {
    fault: "a release takes the root back first",
    session: (sound) => ({
      async release(root, options) {
        await sound.claim(root, { snapshot: 0, tree: "", ...options });
        await sound.release(root, options);
      },
    }),
  },
  "a pod with the same name and another UID is not written to": {
    fault: "the pod's UID is not compared",
    open: (open) => (target, context) => open({ ...target, podUid: TARGET.podUid }, context),
  },
  "a container that was restarted is not written to": {
    fault: "the container's ID is not compared",
    open: (open) => (target, context) => open({ ...target, containerId: TARGET.containerId }, context),
  },
  "a root at or below a file is refused, and the session stays usable": {
    fault: "a file in the way of the root is deleted",
    session: (sound) => ({
      claim(root, options) {
        for (const path of [dirname(root.path), root.path]) {
          if (lstatSync(path, { throwIfNoEntry: false })?.isFile() === true) rmSync(path);
        }
        return sound.claim(root, options);
      },
    }),
  },
  "the root folder of the container is refused": {
    fault: "`/` is claimed",
    session: (sound) => ({
      claim: (root, options) => (root.path === "/" ? Promise.resolve() : sound.claim(root, options)),
    }),
  },
  "an `open` whose signal is aborted rejects with the reason": {
    fault: "`open` ignores its signal",
    open: (open) => (target, context) => open(target, { ...context, signal: NEVER }),
  },
  "an `open` that is aborted on its way settles, and the next one works": {
    fault: "`open` rejects with an error of its own instead of the reason",
    open: (open) => async (target, context) => {
      const session = await open(target, { ...context, signal: NEVER });
      if (context.signal.aborted) throw new Error("something went wrong");
      return session;
    },
  },
  "a call whose signal is aborted rejects with the reason, changes nothing, and leaves the session usable": {
    fault: "`claim` ignores its signal",
    session: (sound) => ({ claim: (root, options) => sound.claim(root, { ...options, signal: NEVER }) }),
  },
  "a call that is aborted on its way settles, and files are whole": {
    fault: "a commit that is aborted leaves half a file",
    ...aroundCommit(async (commit, batch, { at }, signal) => {
      for (const { path, size } of entriesOf(batch, "file")) writeFileSync(at(path), "n".repeat(size / 2));
      await sleep(5);
      signal.throwIfAborted();
      return commit();
    }),
  },
  "a session that is closed ends once, its calls settle, and later calls reject": {
    fault: "a closed session answers",
    session: (sound) => {
      let isClosed = false;
      return {
        async inventory(root, options) {
          return isClosed ? { root: "missing", entries: [], placed: [] } : sound.inventory(root, options);
        },
        async [Symbol.asyncDispose]() {
          isClosed = true;
          await sound[Symbol.asyncDispose]();
        },
      };
    },
  },
  "a restart of the container ends the session": {
    fault: "a restart of the container is reported as a close",
    ...endsAs("gone"),
  },
  "a connection that breaks ends the session, and the next session continues": {
    fault: "a lost connection is reported as a close",
    ...endsAs("lost"),
  },
  "a full file system is reported, blocks nothing, and leaves the old files whole": {
    fault: "a full file system empties the old file",
    ...aroundCommit(async (commit, { root }) => {
      try {
        return await commit();
      } catch (error) {
        if (isKinsyncError(error) && error.code === "KINSYNC_TARGET_FULL") writeFileSync(join(root.path, "f"), "");
        throw error;
      }
    }),
  },
  "every call settles when the connection is cut, wherever that is, and files are whole": {
    fault: "a cut connection leaves half a file",
    ...aroundCommit(async (commit, _, { at }) => {
      try {
        return await commit();
      } catch (error) {
        writeFileSync(at("f"), "half");
        throw error;
      }
    }),
  },
  "a command returns its exit code and its output, and a failing one is not an error": {
    fault: "every command succeeds",
    session: (sound) => ({ run: async (...args) => ({ ...(await sound.run(...args)), exitCode: 0 }) }),
  },
  "a command that runs too long is killed": {
    fault: "a time limit is reported as an exit",
    session: (sound) => ({
      async run(...args) {
        const result = await sound.run(...args);
        return result.why === "timeout" ? { ...result, why: "exited" } : result;
      },
    }),
  },
  "a command that is aborted is killed, and the session stays usable": {
    fault: "an aborted command ends the session",
    session: (sound, { end }) => ({
      async run(...args) {
        const result = await sound.run(...args);
        if (result.why === "aborted") end({ why: "lost" });
        return result;
      },
    }),
  },
  "the marker names the paths whose commands are owed, from the last claim or commit": {
    fault: "a claim forgets what is owed",
    session: (sound) => ({ claim: (root, options) => sound.claim(root, { ...options, owed: [] }) }),
  },
  "a ping returns the milliseconds of a round trip": {
    fault: "a ping returns no number",
    session: () => ({ ping: () => Promise.resolve(Number.NaN) }),
  },
};
