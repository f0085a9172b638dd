import assert from "node:assert/strict";
import { posix } from "node:path";
import type { Batch } from "../../contract/batch.ts";
import { isKinsyncError } from "../../errors/error.ts";
import type { TransportEnvironment } from "./environment.ts";
import { NotApplicable, type Requirement } from "./requirement.ts";

/** What separates `stage` from `commit`. */
export const stagingRequirements: readonly Requirement[] = [
  {
    name: "a receipt holds snapshot, tree and count of the batch",
    async check(fixture) {
      const session = await fixture.openAndClaim();
      const paths = [
        { file: "a", bytes: "1" },
        { file: "b", bytes: "2" },
      ];
      const batch = await fixture.batch(paths, { snapshot: 7 });
      const { snapshot, tree, count } = await fixture.deliver(session, batch);
      assert.deepEqual({ snapshot, tree, count }, { snapshot: 7, tree: batch.tree, count: 2 });
    },
  },
  {
    name: "a batch that changes nothing is acknowledged, and its tree is in the marker",
    async check(fixture) {
      const session = await fixture.openAndClaim();
      await fixture.apply(session, [{ file: "a", bytes: "1" }]);
      const { snapshot, count } = await fixture.deliver(session, await fixture.batch([], { snapshot: 9, tree: "t" }));
      assert.deepEqual({ snapshot, count }, { snapshot: 9, count: 0 });
      const { marker, placed } = await session.inventory(fixture.root, { paths: [], ...fixture.options });
      assert.deepEqual([marker?.snapshot, marker?.tree, placed], [9, "t", ["a"]]);
      await fixture.expectFile("a", "1");
    },
  },
  {
    name: "`seen` of a receipt resolves when the files are visible",
    needs: ["acknowledges: accepted"],
    async check(fixture) {
      const session = await fixture.openAndClaim();
      const batch = await fixture.batch([{ file: "f", bytes: "new" }]);
      const { seen } = await session.commit(session.stage(batch, fixture.options), fixture.options);
      if (seen === undefined) throw new NotApplicable("the transport's receipts have no `seen`");
      await seen;
      await fixture.expectFile("f", "new");
    },
  },
  {
    name: "a staged batch is invisible until it is committed",
    async check(fixture) {
      const session = await fixture.openAndClaim();
      await fixture.apply(session, [{ file: "f", bytes: "old" }]);
      const before = await fixture.environment.list(fixture.root.path);
      const batch = await fixture.batch([
        { file: "f", bytes: "new", replaces: "file" },
        { file: "g", bytes: "g" },
      ]);
      const stage = session.stage(batch, fixture.options);
      await stage.ready;
      await fixture.expectFile("f", "old");
      assert.deepEqual(await fixture.environment.list(fixture.root.path), before);
      await fixture.untilVisible(await session.commit(stage, fixture.options));
      await fixture.expectFile("f", "new");
      await fixture.expectFile("g", "g");
    },
  },
  {
    name: "a discarded stage cannot be committed, leaves nothing, and leaves the session usable",
    async check(fixture) {
      const session = await fixture.openAndClaim();
      if (session.discard === undefined) throw new NotApplicable("the transport's sessions have no `discard`");
      const stage = session.stage(await fixture.batch([{ file: "g", bytes: "g" }]), fixture.options);
      await stage.ready;
      await session.discard(stage);
      await assert.rejects(session.commit(stage, fixture.options), "a discarded stage was committed");
      await fixture.expectMissing("g");
      await fixture.expectUsable(session);
    },
  },
  {
    name: "bytes that do not match their digest reject stage and commit and change nothing",
    async check(fixture) {
      const session = await fixture.openAndClaim();
      await fixture.apply(session, [{ file: "f", bytes: "old" }]);
      const batch = await fixture.batch([
        { file: "f", bytes: "new", replaces: "file" },
        { file: "g", bytes: "g" },
      ]);
      const stage = session.stage(withWrongDigest(batch, "g"), fixture.options);
      const settled = await Promise.allSettled([stage.ready, session.commit(stage, fixture.options)]);
      assert.deepEqual(
        settled.map(({ status }) => status),
        ["rejected", "rejected"],
      );
      await fixture.expectFile("f", "old");
      await fixture.expectMissing("g");
    },
  },
  {
    name: "what is kept beside the files does not grow with sessions and batches, also those that fail",
    async check(fixture) {
      await fixture.apply(await fixture.openAndClaim(), [{ file: "f", bytes: "old" }]);
      const round = async (number: number): Promise<number> => {
        await using session = await fixture.openAndClaim();
        await fixture.apply(session, [{ file: "f", bytes: `${number}`, replaces: "file" }]);
        const batch = await fixture.batch([{ file: "f", bytes: "wrong", replaces: "file" }]);
        const stage = session.stage(withWrongDigest(batch, "f"), fixture.options);
        await assert.rejects(session.commit(stage, fixture.options));
        return countPaths(fixture.environment, fixture.environment.folder);
      };
      const counts: number[] = [];
      for (let number = 0; number < 6; number += 1) counts.push(await round(number));
      // One path more or less is what a session of this moment has; what every round leaves adds up.
      const isGrowing = Math.min(...counts.slice(-2)) > Math.max(...counts.slice(0, 2)) + 1;
      assert.ok(!isGrowing, `the number of files and folders grows with every batch: ${counts.join(", ")}`);
    },
  },
  {
    name: "bytes that cannot be stored are not executed, and the session stays usable",
    async check(fixture) {
      const session = await fixture.openAndClaim();
      // No file system stores such a long name; a shell that read the bytes as commands would exit.
      const batch = await fixture.batch([{ file: "n".repeat(300), bytes: "exit 1\nexit 1\n" }]);
      await assert.rejects(session.commit(session.stage(batch, fixture.options), fixture.options), isKinsyncError);
      await fixture.expectUsable(session);
    },
  },
  {
    name: "batches that are sent without waiting are applied in order",
    async check(fixture) {
      const session = await fixture.openAndClaim();
      const commits = [];
      for (let index = 0; index < 20; index += 1) {
        const batch = await fixture.batch([
          { file: "f", bytes: `version ${index}`, ...(index === 0 ? {} : { replaces: "file" }) },
        ]);
        commits.push(session.commit(session.stage(batch, fixture.options), fixture.options));
      }
      for (const receipt of await Promise.all(commits)) await fixture.untilVisible(receipt);
      await fixture.expectFile("f", "version 19");
    },
  },
  {
    name: "a batch that is staged while its root is claimed is applied",
    async check(fixture) {
      const session = await fixture.open();
      const batch = await fixture.batch([{ file: "f", bytes: "new" }]);
      const claimed = fixture.claim(session);
      const committed = session.commit(session.stage(batch, fixture.options), fixture.options);
      const [, receipt] = await Promise.all([claimed, committed]);
      await fixture.untilVisible(receipt);
      await fixture.expectFile("f", "new");
    },
  },
  {
    name: "a reader sees whole files at every moment, old or new",
    needs: ["atomic: file"],
    async check(fixture) {
      const session = await fixture.openAndClaim();
      const versions = Array.from({ length: 12 }, (_, index) => Buffer.alloc(120_000, `${index}`.padEnd(7, "-")));
      const whole = new Set(versions.map((bytes) => bytes.toString()));
      await fixture.apply(session, [{ file: "f", bytes: versions[0] ?? "" }]);
      const read = async (): Promise<void> => {
        const text = await fixture.read("f");
        assert.ok(whole.has(text), `the reader saw half a file: ${text.length} bytes`);
      };
      await whileReading(read, async () => {
        for (const bytes of versions) {
          await fixture.apply(session, [{ file: "f", bytes, replaces: "file" }]);
          await read();
        }
      });
    },
  },
  {
    name: "a reader sees all files of a batch change at one moment",
    needs: ["atomic: batch"],
    async check(fixture) {
      const session = await fixture.openAndClaim();
      const names = ["a", "b", "c"];
      const version = (bytes: string) => names.map((file) => ({ file, bytes, replaces: "file" }) as const);
      await fixture.apply(
        session,
        names.map((file) => ({ file, bytes: "0" })),
      );
      const read = async (): Promise<void> => {
        // A file that is read later belongs to the same batch as one that is read earlier, or to a later batch.
        const versions = [await fixture.read("c"), await fixture.read("a"), await fixture.read("c")].map(Number);
        assert.deepEqual(
          versions,
          versions.toSorted((x, y) => x - y),
          `a reader saw files of batches ${versions.join(", ")}`,
        );
      };
      await whileReading(read, async () => {
        for (let number = 1; number <= 20; number += 1) await fixture.apply(session, version(`${number}`));
      });
    },
  },
];

function withWrongDigest(batch: Batch, path: string): Batch {
  const entries = batch.entries.map((entry) =>
    entry.op === "file" && entry.path === path ? { ...entry, digest: "0".repeat(64) } : entry,
  );
  return { ...batch, entries };
}

async function countPaths(environment: TransportEnvironment, folder: string): Promise<number> {
  let count = 0;
  for (const name of await environment.list(folder)) {
    const path = posix.join(folder, name);
    count += 1;
    if ((await environment.lstat(path))?.type === "directory") count += await countPaths(environment, path);
  }
  return count;
}

/** Reads again and again while something is written. Rejects with the first failed read. */
async function whileReading(read: () => Promise<void>, write: () => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const reader = (async () => {
    while (!stop.signal.aborted) {
      await read();
      // An environment that answers at once must not keep the transport from running.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  })();
  reader.catch(() => undefined);
  await write().finally(() => stop.abort());
  await reader;
}
