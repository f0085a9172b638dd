import assert from "node:assert/strict";
import { NotApplicable, type Requirement } from "./requirement.ts";

/** Commands that end in a known way. */
const COMMANDS = {
  echo: ["sh", "-c", "echo out; echo err >&2; exit 3"],
  sleep: ["sh", "-c", "echo begun; sleep 60; echo never"],
};

/** Commands that run in the container. */
export const commandRequirements: readonly Requirement[] = [
  {
    name: "a command returns its exit code and its output, and a failing one is not an error",
    needs: ["run"],
    async check(fixture) {
      const session = await fixture.open();
      const { echo } = fixture.environment.commands ?? COMMANDS;
      const result = await session.run?.(echo, { timeout: 10_000, ...fixture.options });
      assert.deepEqual([result?.exitCode, result?.why, result?.truncated], [3, "exited", false]);
      assert.deepEqual(result?.output.trim().split("\n"), ["out", "err"]);
    },
  },
  {
    name: "a command that runs too long is killed",
    needs: ["run"],
    async check(fixture) {
      const session = await fixture.open();
      const { sleep } = fixture.environment.commands ?? COMMANDS;
      const result = await session.run?.(sleep, { timeout: 300, ...fixture.options });
      assert.deepEqual([result?.exitCode, result?.why], [undefined, "timeout"]);
    },
  },
  {
    name: "a command that is aborted is killed, and the session stays usable",
    needs: ["run"],
    async check(fixture) {
      const session = await fixture.openAndClaim();
      const { sleep } = fixture.environment.commands ?? COMMANDS;
      const stop = new AbortController();
      const result = await session.run?.(sleep, {
        timeout: 10_000,
        signal: stop.signal,
        onOutput: () => stop.abort(),
      });
      assert.deepEqual([result?.exitCode, result?.why], [undefined, "aborted"]);
      await fixture.expectUsable(session);
    },
  },
  {
    name: "the marker names the paths whose commands are owed, from the last claim or commit",
    needs: ["run"],
    async check(fixture) {
      const session = await fixture.openAndClaim();
      const owed = async (): Promise<readonly string[]> => {
        const { marker } = await session.inventory(fixture.root, { paths: [], ...fixture.options });
        return marker?.owed ?? [];
      };
      assert.deepEqual(await owed(), []);
      const names = ["deep/requirements.txt", "with space ' \" \\ ${x}", "größe.txt", "line\nbreak"];
      await fixture.deliver(session, await fixture.batch([{ file: "f", bytes: "1" }], { owed: names }));
      assert.deepEqual(await owed(), names);
      // Without anything that changes, and with what a save of one small file may take another way for.
      await fixture.deliver(session, await fixture.batch([], { owed: ["f"] }));
      assert.deepEqual(await owed(), ["f"]);
      await fixture.deliver(
        session,
        await fixture.batch([{ file: "f", bytes: "2", replaces: "file" }], { owed: names }),
      );
      assert.deepEqual(await owed(), names);
      await fixture.apply(session, [{ file: "f", bytes: "3", replaces: "file" }]);
      assert.deepEqual(await owed(), []);
      await fixture.expectFile("f", "3");
      await session.claim(fixture.root, { snapshot: 1, tree: "", owed: ["f"], ...fixture.options });
      assert.deepEqual(await owed(), ["f"]);
    },
  },
  {
    name: "a ping returns the milliseconds of a round trip",
    async check(fixture) {
      const session = await fixture.open();
      if (session.ping === undefined) throw new NotApplicable("the transport's sessions have no `ping`");
      const milliseconds = await session.ping(fixture.options);
      assert.ok(Number.isFinite(milliseconds) && milliseconds >= 0, `ping returned ${milliseconds}`);
    },
  },
];
