import assert from "node:assert/strict";
import { posix } from "node:path";
import type { RootSpec } from "../../contract/batch.ts";
import { expectError } from "./fixture.ts";
import type { Requirement } from "./requirement.ts";

/** Ownership of mapped roots. */
export const ownershipRequirements: readonly Requirement[] = [
  {
    name: "a session that another one of the same run replaced cannot commit",
    async check(fixture) {
      const first = await fixture.openAndClaim();
      await fixture.apply(first, [{ file: "f", bytes: "old" }]);
      const second = await fixture.openAndClaim();
      await fixture.apply(second, [{ file: "f", bytes: "new", replaces: "file" }]);
      await expectError("KINSYNC_TARGET_TAKEN", fixture.apply(first, [{ file: "f", bytes: "late", replaces: "file" }]));
      await fixture.expectFile("f", "new");
    },
  },
  {
    name: "a run that another run replaced cannot commit, and its error names the other",
    async check(fixture) {
      const first = await fixture.openAndClaim();
      await fixture.apply(first, [{ file: "f", bytes: "first" }]);
      const second = await fixture.openAndClaim("the other");
      const error = await expectError(
        "KINSYNC_TARGET_TAKEN",
        fixture.apply(first, [{ file: "f", bytes: "first again", replaces: "file" }]),
      );
      assert.match(error.message, /the other/);
      await fixture.expectFile("f", "first");
      await fixture.apply(second, [{ file: "f", bytes: "second", replaces: "file" }]);
      await fixture.expectFile("f", "second");
    },
  },
  {
    name: "a pod with the same name and another UID is not written to",
    async check(fixture) {
      const { target } = fixture.environment;
      const podUid = "00000000-0000-0000-0000-000000000000";
      await expectError("KINSYNC_TARGET_GONE", fixture.open("x", { ...target, podUid }));
      assert.deepEqual(await fixture.environment.list(fixture.environment.folder), []);
    },
  },
  {
    name: "a container that was restarted is not written to",
    async check(fixture) {
      const { target } = fixture.environment;
      const containerId = "containerd://0000000000000000";
      await expectError("KINSYNC_TARGET_GONE", fixture.open("x", { ...target, containerId }));
      assert.deepEqual(await fixture.environment.list(fixture.environment.folder), []);
    },
  },
  {
    name: "a root at or below a file is refused, and the session stays usable",
    async check(fixture) {
      const { environment } = fixture;
      await environment.writeFile(posix.join(environment.folder, "file"), "x");
      const session = await fixture.open();
      const at = (path: string): RootSpec => ({ path, shape: "directory", key: "k" });
      for (const path of ["file", "file/below"]) {
        await expectError("KINSYNC_TARGET_PATH", fixture.claim(session, at(posix.join(environment.folder, path))));
      }
      await fixture.claim(session);
      await fixture.expectUsable(session);
    },
  },
  {
    name: "the root folder of the container is refused",
    async check(fixture) {
      const session = await fixture.open();
      await expectError("KINSYNC_TARGET_PATH", fixture.claim(session, { path: "/", shape: "directory", key: "k" }));
    },
  },
];
