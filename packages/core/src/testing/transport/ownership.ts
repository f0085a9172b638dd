import assert from "node:assert/strict";
import { posix } from "node:path";
import type { RootSpec } from "../../contract/batch.ts";
import type { Session } from "../../contract/session.ts";
import { createBatch } from "./create-batch.ts";
import { expectError, type Fixture } from "./fixture.ts";
import { NotApplicable, type Requirement } from "./requirement.ts";

function releaseOf(session: Session): NonNullable<Session["release"]> {
  if (session.release === undefined) throw new NotApplicable("the transport's sessions have no `release`");
  return session.release.bind(session);
}

/** What the container knows of earlier sessions of a root. */
async function keptOf(fixture: Fixture, session: Session, root: RootSpec) {
  const { marker, placed } = await session.inventory(root, { paths: [], ...fixture.options });
  return { runId: marker?.runId, placed };
}

/** Ownership of mapped roots. */
export const ownershipRequirements: readonly Requirement[] = [
  {
    name: "two roots of one session are kept apart",
    async check(fixture) {
      const { environment, root, options } = fixture;
      const other: RootSpec = { ...root, path: posix.join(environment.folder, "other"), key: "mapping-1" };
      const session = await fixture.openAndClaim();
      await fixture.claim(session, other);
      const trees = new Map<RootSpec, string>();
      for (const [of, file] of [
        [root, "a"],
        [other, "b"],
      ] as const) {
        const batch = await createBatch(of, [{ file, bytes: file }]);
        trees.set(of, batch.tree);
        await fixture.deliver(session, batch);
      }
      for (const [of, file] of [
        [root, "a"],
        [other, "b"],
      ] as const) {
        const { entries, placed, marker } = await session.inventory(of, { paths: ["a", "b"], ...options });
        assert.deepEqual([entries.map(({ path }) => path), placed], [[file], [file]], `the root ${of.path}`);
        assert.equal(marker?.tree, trees.get(of), `the marker of ${of.path}`);
      }
    },
  },
  {
    name: "a release removes what is kept for the root alone, and the root can be claimed again",
    async check(fixture) {
      const { environment, root, options } = fixture;
      const other: RootSpec = { ...root, path: posix.join(environment.folder, "other"), key: "mapping-1" };
      const session = await fixture.openAndClaim();
      const release = releaseOf(session);
      await fixture.claim(session, other);
      await fixture.apply(session, [{ file: "f", bytes: "1" }]);
      await release(root, options);
      const later = await fixture.open("later");
      assert.deepEqual(await keptOf(fixture, later, root), { runId: undefined, placed: [] });
      assert.equal((await keptOf(fixture, later, other)).runId, fixture.runId);
      await fixture.expectFile("f", "1");
      await fixture.claim(session);
      await fixture.expectUsable(session);
      await release(root, options);
      await release(other, options);
      assert.deepEqual(
        (await environment.list(environment.folder)).filter((name) => name === ".kinsync"),
        [],
      );
    },
  },
  {
    name: "a release after another run claimed the root rejects, and changes nothing",
    async check(fixture) {
      const first = await fixture.openAndClaim();
      const release = releaseOf(first);
      await fixture.apply(first, [{ file: "f", bytes: "1" }]);
      const second = await fixture.openAndClaim("the other");
      await expectError("KINSYNC_TARGET_TAKEN", release(fixture.root, fixture.options));
      assert.deepEqual(await keptOf(fixture, second, fixture.root), { runId: "run of the other", placed: ["f"] });
      await fixture.expectUsable(second);
    },
  },
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
