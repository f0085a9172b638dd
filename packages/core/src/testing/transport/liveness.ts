import assert from "node:assert/strict";
import { posix } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { RootSpec } from "../../contract/batch.ts";
import type { Session, SessionEnd } from "../../contract/session.ts";
import { isKinsyncError } from "../../errors/error.ts";
import { createBatch } from "./create-batch.ts";
import { expectError, OWNER, type Fixture } from "./fixture.ts";
import type { Requirement } from "./requirement.ts";

/** Bytes after which a connection is cut: within the greeting, a claim, a stage, a commit, and between them. */
const CUTS = [
  ...[0, 1, 40, 400, 2_000, 8_000, 14_000, 20_000, 40_000, 100_000].map((sent) => ({ sent })),
  ...[1, 20, 60, 90, 130, 200, 300, 420].map((received) => ({ received })),
];

/** Milliseconds after which an `open` is aborted. */
const OPEN_ABORTS_MS = [0, 1, 5, 20, 60];

type Call = (fixture: Fixture, session: Session, signal: AbortSignal) => Promise<unknown>;

/** Every call of a session that takes a signal, but for commands, which have requirements of their own. */
const CALLS: Readonly<Record<"inventory" | "claim" | "stage" | "commit" | "ping" | "release", Call>> = {
  inventory: (fixture, session, signal) => session.inventory(fixture.root, { paths: ["f"], list: false, signal }),
  ping: async (_fixture, session, signal) => session.ping?.({ signal }),
  release: async (fixture, session, signal) => session.release?.(fixture.root, { signal }),
  claim: (fixture, session, signal) => session.claim(fixture.root, { snapshot: 1, tree: "", signal }),
  stage: async (fixture, session, signal) => session.stage(await newVersion(fixture), { signal }).ready,
  commit: async (fixture, session, signal) => {
    const stage = session.stage(await newVersion(fixture), fixture.options);
    return session.commit(stage, { signal });
  },
};

/** The calls that this session has. */
function callsOf(session: Session): readonly (readonly [name: string, call: Call])[] {
  return Object.entries(CALLS).filter(([name]) => session[name as keyof typeof CALLS] !== undefined);
}

/** Every call settles within a time limit, and a session that ends reports it. */
export const livenessRequirements: readonly Requirement[] = [
  {
    name: "an `open` whose signal is aborted rejects with the reason",
    async check(fixture) {
      const reason = new Error("no longer needed");
      const opening = fixture.open(OWNER, fixture.environment.target, AbortSignal.abort(reason));
      await assert.rejects(opening, (error) => error === reason);
    },
  },
  {
    name: "an `open` that is aborted on its way settles, and the next one works",
    async check(fixture) {
      for (const delay of OPEN_ABORTS_MS) {
        const stop = new AbortController();
        const reason = new Error("no longer needed");
        const opening = fixture.open(OWNER, fixture.environment.target, stop.signal);
        if (delay > 0) await sleep(delay);
        stop.abort(reason);
        const [settled] = await Promise.allSettled([opening]);
        if (settled.status === "rejected") assert.equal(settled.reason, reason, `aborted after ${delay} ms`);
        else await settled.value[Symbol.asyncDispose]();
      }
      await fixture.expectUsable(await fixture.openAndClaim());
    },
  },
  {
    name: "a call whose signal is aborted rejects with the reason, changes nothing, and leaves the session usable",
    async check(fixture) {
      const session = await fixture.openAndClaim();
      await fixture.apply(session, [{ file: "f", bytes: "old" }]);
      for (const [name, call] of callsOf(session)) {
        const reason = new Error(`${name} is no longer needed`);
        await assert.rejects(call(fixture, session, AbortSignal.abort(reason)), (error) => error === reason);
        await fixture.expectFile("f", "old");
        await fixture.expectUsable(session);
      }
    },
  },
  {
    name: "a call that is aborted on its way settles, and files are whole",
    async check(fixture) {
      const first = await fixture.openAndClaim();
      await fixture.apply(first, [{ file: "f", bytes: "old" }]);
      for (const [name, call] of callsOf(first)) {
        const session = await fixture.openAndClaim();
        const stop = new AbortController();
        const reason = new Error(`${name} is no longer needed`);
        const running = call(fixture, session, stop.signal);
        setImmediate(() => stop.abort(reason));
        const [settled] = await Promise.allSettled([running]);
        if (settled.status === "rejected") assert.equal(settled.reason, reason);
        await session[Symbol.asyncDispose]();
        // Both versions are right, since the abort may come too late; half a file is not.
        await fixture.expectUsable(await fixture.openAndClaim());
        assert.ok(["old", NEW_BYTES].includes(await fixture.read("f")), `f is neither old nor new after ${name}`);
      }
    },
  },
  {
    name: "a session that is closed ends once, its calls settle, and later calls reject",
    async check(fixture) {
      const session = await fixture.openAndClaim();
      const look = () => session.inventory(fixture.root, { paths: [], ...fixture.options });
      const pending = Promise.allSettled([look(), look()]);
      await session[Symbol.asyncDispose]();
      await pending;
      assert.equal((await session.ended).why, "closed");
      await assert.rejects(look(), "a closed session answered");
      await session[Symbol.asyncDispose]();
    },
  },
  {
    name: "a restart of the container ends the session",
    hooks: ["restart"],
    async check(fixture) {
      const session = await fixture.openAndClaim();
      await fixture.environment.restart?.();
      const { why } = await session.ended;
      assert.ok(why === "gone" || why === "lost", why);
      await assert.rejects(fixture.claim(session), "a session of the old container answered");
    },
  },
  {
    name: "a connection that breaks ends the session, and the next session continues",
    hooks: ["breakConnection"],
    async check(fixture) {
      const session = await fixture.openAndClaim();
      await fixture.environment.breakConnection?.();
      assert.equal((await session.ended).why, "lost");
      await fixture.expectUsable(await fixture.openAndClaim());
    },
  },
  {
    name: "a full file system is reported, blocks nothing, and leaves the old files whole",
    hooks: ["smallFolder"],
    async check(fixture) {
      const { environment } = fixture;
      const root: RootSpec = {
        path: posix.join(environment.smallFolder ?? "", "root"),
        shape: "directory",
        key: "small",
      };
      const read = async () => Buffer.from(await environment.readFile(posix.join(root.path, "f"))).toString();
      const session = await fixture.open();
      await fixture.claim(session, root);
      await fixture.deliver(session, await createBatch(root, [{ file: "f", bytes: "old" }]));
      const tooLarge = await createBatch(root, [
        { file: "f", bytes: Buffer.alloc(8_000_000, "x"), replaces: "file" },
        { file: "g", bytes: "g" },
      ]);
      await expectError("KINSYNC_TARGET_FULL", fixture.deliver(session, tooLarge));
      assert.equal(await read(), "old");
      const next = await fixture.open();
      await fixture.claim(next, root);
      await fixture.deliver(next, await createBatch(root, [{ file: "f", bytes: "newer", replaces: "file" }]));
      assert.equal(await read(), "newer");
    },
  },
  {
    name: "every call settles when the connection is cut, wherever that is, and files are whole",
    hooks: ["cutNext"],
    async check(fixture) {
      const first = await fixture.openAndClaim();
      await fixture.apply(first, [
        { file: "f", bytes: "old" },
        { file: "g", bytes: "old" },
      ]);
      await first[Symbol.asyncDispose]();
      for (const cut of CUTS) {
        fixture.environment.cutNext?.(cut);
        await deliverUntilCut(fixture);
        const where = JSON.stringify(cut);
        assert.ok(["old", NEW_BYTES].includes(await fixture.read("f")), `f is neither old nor new after ${where}`);
        assert.ok(["old", "new"].includes(await fixture.read("g")), `g is neither old nor new after ${where}`);
      }
      await deliverAfterCuts(fixture);
      await fixture.expectFile("f", "last");
    },
  },
];

const NEW_BYTES = "n".repeat(50_000);

function newVersion(fixture: Fixture) {
  return fixture.batch([{ file: "f", bytes: NEW_BYTES, replaces: "file" }]);
}

async function deliverUntilCut(fixture: Fixture): Promise<void> {
  const ends: Promise<SessionEnd>[] = [];
  const attempt = (async () => {
    const session = await fixture.open("cut");
    ends.push(session.ended);
    const claim = fixture.claim(session);
    const inventory = session.inventory(fixture.root, { paths: ["f", "g"], ...fixture.options });
    const settled = Promise.allSettled([claim, inventory]);
    await claim;
    const batch = await fixture.batch([
      { file: "f", bytes: NEW_BYTES, replaces: "file" },
      { file: "g", bytes: "new", replaces: "file" },
    ]);
    const stage = session.stage(batch, fixture.options);
    await Promise.allSettled([settled, stage.ready, session.commit(stage, fixture.options)]);
    await session[Symbol.asyncDispose]();
  })();
  await attempt.catch((error: unknown) =>
    assert.ok(isKinsyncError(error) && error.retry !== "terminal", String(error)),
  );
  await Promise.all(ends);
}

/** What a cut connection had in transfer may still arrive after the next claim, and may cost that session a commit. */
async function deliverAfterCuts(fixture: Fixture): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const session = await fixture.openAndClaim();
      await fixture.apply(session, [{ file: "f", bytes: "last", replaces: "file" }]);
      return;
    } catch (error) {
      if (attempt === 5) throw error;
    }
  }
}
