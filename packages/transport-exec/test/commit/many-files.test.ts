import { createHash } from "node:crypto";
import { readFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Batch } from "@kinsync/core/contract";
import { createBatch, type BatchPath } from "@kinsync/core/testing";
import { MAKES } from "../support/containers.ts";
import { makeLocalEnvironment } from "../support/environment.ts";

/** 400 files in 40 folders. */
function manyFiles(version: string): BatchPath[] {
  const wanted: BatchPath[] = [];
  for (let folder = 0; folder < 40; folder += 1) {
    wanted.push({ directory: `folder ${folder}` });
    for (let file = 0; file < 10; file += 1) {
      wanted.push({ file: `folder ${folder}/it's ${file}.txt`, bytes: `${version} ${folder} ${file}\n`.repeat(20) });
    }
  }
  return wanted;
}

describe.each(MAKES)("many files in a container with $name", (make) => {
  test("first sync, change and deletion of all files succeed", async () => {
    await using world = await makeLocalEnvironment(make);
    const signal = AbortSignal.timeout(25_000);
    const root = { path: join(world.folder, "root"), shape: "directory", key: "k" } as const;
    const who = { cluster: world.cluster, runId: "s", owner: "o", since: "2026-01-01T00:00:00Z", signal };
    await using session = await world.transport.open(world.target, who);
    await session.claim(root, { snapshot: 0, tree: "", signal });
    const carry = async (wanted: readonly BatchPath[]): Promise<void> => {
      const batch = await createBatch(root, wanted);
      await session.commit(session.stage(batch, { signal }), { signal });
    };

    const first = manyFiles("first");
    await carry(first);
    const paths = first.map((want) => ("file" in want ? want.file : "directory" in want ? want.directory : ""));
    const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex");
    const inventory = await session.inventory(root, { paths, signal });
    expect(inventory.entries).toHaveLength(440);
    expect(inventory.placed).toHaveLength(440);
    const one = inventory.entries.find((entry) => entry.path === "folder 7/it's 3.txt");
    expect(one).toMatchObject({ type: "file", digest: digestOf("first 7 3\n".repeat(20)) });

    await carry(
      manyFiles("second").flatMap((want) => ("file" in want ? [{ ...want, replaces: "file" } as const] : [])),
    );
    expect(await readFile(join(root.path, "folder 39/it's 9.txt"), "utf8")).toBe("second 39 9\n".repeat(20));

    await carry([
      ...first.flatMap((want): BatchPath[] => ("file" in want ? [{ remove: want.file }] : [])),
      ...first.flatMap((want): BatchPath[] =>
        "directory" in want ? [{ remove: want.directory, type: "directory" }] : [],
      ),
    ]);
    expect(await readdir(root.path)).toEqual([]);
    expect((await session.inventory(root, { paths, signal })).placed).toEqual([]);
  });

  test("a batch of twenty megabytes is verified and complete", async () => {
    await using world = await makeLocalEnvironment(make);
    const signal = AbortSignal.timeout(25_000);
    const root = { path: join(world.folder, "root"), shape: "directory", key: "k" } as const;
    const who = { cluster: world.cluster, runId: "s", owner: "o", since: "2026-01-01T00:00:00Z", signal };
    await using session = await world.transport.open(world.target, who);
    await session.claim(root, { snapshot: 0, tree: "", signal });
    const bytes = Buffer.alloc(10_000_001, "some text that repeats itself ");
    const batch = await createBatch(root, [
      { file: "a", bytes },
      { file: "b", bytes },
      { file: "empty", bytes: "" },
    ]);
    await session.commit(session.stage(batch, { signal }), { signal });
    expect((await readFile(join(root.path, "b"))).equals(bytes)).toBe(true);
    // One byte of it is changed on the way.
    const other = await createBatch(root, [
      { file: "a", bytes, replaces: "file" },
      { file: "b", bytes: Buffer.concat([bytes.subarray(1), Buffer.from("?")]), replaces: "file" },
    ]);
    await expect(session.commit(session.stage(withDigestsOf(batch, other), { signal }), { signal })).rejects.toThrow(
      /cannot write to/,
    );
    expect((await readFile(join(root.path, "b"))).equals(bytes)).toBe(true);
  });

  test("a large file with a wrong digest changes nothing", async () => {
    await using world = await makeLocalEnvironment(make);
    const signal = AbortSignal.timeout(25_000);
    const root = { path: join(world.folder, "root"), shape: "directory", key: "k" } as const;
    const who = { cluster: world.cluster, runId: "s", owner: "o", since: "2026-01-01T00:00:00Z", signal };
    await using session = await world.transport.open(world.target, who);
    await session.claim(root, { snapshot: 0, tree: "", signal });
    const bytes = Buffer.alloc(2_500_001, "a large file ");
    const file = "sub/it's large";
    const batch = await createBatch(root, [{ directory: "sub" }]);
    await session.commit(session.stage(batch, { signal }), { signal });
    const large = await createBatch(root, [{ file, bytes, mode: 0o755 }]);
    await session.commit(session.stage(large, { signal }), { signal });
    expect((await readFile(join(root.path, file))).equals(bytes)).toBe(true);
    expect((await stat(join(root.path, file))).mode & 0o777).toBe(0o755);
    const other = await createBatch(root, [
      { file, bytes: Buffer.concat([bytes.subarray(1), Buffer.from("?")]), replaces: "file" },
    ]);
    const failed = session.commit(session.stage(withDigestsOf(large, other), { signal }), { signal });
    await expect(failed).rejects.toMatchObject({ code: "KINSYNC_TARGET_LOST" });
    expect((await readFile(join(root.path, file))).equals(bytes)).toBe(true);
  });

  test.each([3, 1_190])("a wrong digest of file %i of 1,200 changes nothing", async (bad) => {
    await using world = await makeLocalEnvironment(make);
    const signal = AbortSignal.timeout(25_000);
    const root = { path: join(world.folder, "root"), shape: "directory", key: "k" } as const;
    const who = { cluster: world.cluster, runId: "s", owner: "o", since: "2026-01-01T00:00:00Z", signal };
    await using session = await world.transport.open(world.target, who);
    await session.claim(root, { snapshot: 0, tree: "", signal });
    const files = Array.from({ length: 1_200 }, (_, index) => ({
      file: `f${index}`,
      bytes: `${index} `.repeat(1_500),
    }));
    const right = await createBatch(root, files);
    const wrong = await createBatch(
      root,
      files.map((want, index) => (index === bad ? { ...want, bytes: want.bytes.replace(" ", "_") } : want)),
    );
    const failed = session.commit(session.stage(withDigestsOf(right, wrong), { signal }), { signal });
    await expect(failed).rejects.toMatchObject({ code: "KINSYNC_TARGET_LOST" });
    expect(await readdir(root.path)).toEqual([]);
  });
});

/** A batch with the archive of one batch and the digests of another. */
function withDigestsOf(batch: Batch, bytes: Batch): Batch {
  const digests = new Map(batch.entries.map((entry) => [entry.path, "digest" in entry ? entry.digest : ""]));
  const entries = bytes.entries.map((entry) =>
    entry.op === "file" ? { ...entry, digest: digests.get(entry.path) ?? "" } : entry,
  );
  return { ...bytes, entries };
}
