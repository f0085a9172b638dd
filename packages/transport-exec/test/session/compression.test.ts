import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { Archive, RootSpec } from "@kinsync/core/contract";
import { createBatch, type BatchPath } from "@kinsync/core/testing";
import { MAKES, type Make } from "../support/containers.ts";
import { makeLocalEnvironment } from "../support/environment.ts";

const root: RootSpec = { path: "root", shape: "directory", key: "k" };
const LIMIT_MS = 60_000;
const SLOW = 2_500_000;
const ROUND_TRIP_MS = 5;
/** Some round trips. */
const MEASURED_MS = 100;
const LINE = "export const value = someFunction(argument, another);\n";

/** Many texts, one of them large, and random bytes: all sorts of pieces. */
function texts(): BatchPath[] {
  const files: BatchPath[] = [];
  for (let at = 0; at < 200; at += 1) files.push({ file: `f${at}.ts`, bytes: LINE.repeat(20 + at) });
  files.push({ file: "large.txt", bytes: LINE.repeat(60_000) }, { file: "random", bytes: randomBytes(1_200_000) });
  return files;
}

async function open(make: Make, bytesPerSecond: number) {
  const signal = AbortSignal.timeout(LIMIT_MS);
  const world = await makeLocalEnvironment(make);
  world.cluster.bytesPerSecond = bytesPerSecond;
  world.cluster.roundTripMs = bytesPerSecond === Infinity ? 0 : ROUND_TRIP_MS;
  const who = { cluster: world.cluster, runId: "s", owner: "o", since: "2026-01-01T00:00:00Z", signal };
  const session = await world.transport.open(world.target, who);
  await session.claim(root, { snapshot: 0, tree: "", signal });
  await delay(MEASURED_MS);
  return {
    session,
    cluster: world.cluster,
    folder: join(world.folder, "root"),
    signal,
    async apply(paths: readonly BatchPath[], archive?: (archive: Archive) => Archive) {
      const batch = await createBatch(root, paths);
      const changed = archive === undefined ? batch : { ...batch, archive: archive(batch.archive) };
      const before = world.cluster.sentBytes;
      await session.commit(session.stage(changed, { signal }), { signal });
      return { sent: world.cluster.sentBytes - before, size: batch.archive.size };
    },
    async [Symbol.asyncDispose]() {
      await session[Symbol.asyncDispose]();
      await world[Symbol.asyncDispose]();
    },
  };
}

function expectFiles(folder: string, paths: readonly BatchPath[]): void {
  for (const path of paths) {
    if (!("file" in path)) continue;
    expect(readFileSync(join(folder, path.file)).equals(Buffer.from(path.bytes)), path.file).toBe(true);
  }
}

describe.each(MAKES)("a container with $name", (make) => {
  test(
    "receives compressed bytes over a slow link",
    async () => {
      await using world = await open(make, SLOW);
      const paths = texts();
      const { sent, size } = await world.apply(paths);
      expectFiles(world.folder, paths);
      expect(sent).toBeLessThan(size / 2);
      // A single large file, which some agents receive without an archive.
      const single = [{ file: "large.txt", bytes: LINE.repeat(70_000), replaces: "file" as const }];
      const one = await world.apply(single);
      expectFiles(world.folder, single);
      expect(one.sent).toBeLessThan(one.size / 10);
    },
    LIMIT_MS,
  );

  test(
    "receives plain bytes over a fast link",
    async () => {
      await using world = await open(make, Infinity);
      const paths = texts();
      const { sent, size } = await world.apply(paths);
      expectFiles(world.folder, paths);
      expect(sent).toBeGreaterThan(size);
    },
    LIMIT_MS,
  );

  test.each([
    ["a wrong checksum", (bytes: Buffer) => bytes.fill(0x55, bytes.length - 8, bytes.length - 4)],
    ["bytes that are not gzip", (bytes: Buffer) => bytes.fill(0x41)],
    ["a member that ends early", (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1)],
  ])(
    "reports %s, keeps its files and leaves no stage",
    async (_name, damage) => {
      await using world = await open(make, SLOW);
      await world.apply([{ file: "f0.ts", bytes: "old" }]);
      const paths = texts().map((path) =>
        "file" in path && path.file === "f0.ts" ? { ...path, replaces: "file" as const } : path,
      );
      const damaged = world.apply(paths, (archive) => ({
        ...archive,
        async *compressed(signal) {
          let index = 0;
          for await (const piece of archive.compressed?.(signal) ?? []) {
            index += 1;
            yield index === 2 ? { ...piece, bytes: damage(Buffer.from(piece.bytes)) } : piece;
          }
        },
      }));
      await expect(damaged).rejects.toMatchObject({
        code: "KINSYNC_TARGET_LOST",
        message: expect.stringContaining("compressed bytes arrived damaged") as string,
      });
      expect(readFileSync(join(world.folder, "f0.ts"), "utf8")).toBe("old");
      expect(existsSync(join(world.folder, "f1.ts"))).toBe(false);
      const state = [join(world.folder, "../.kinsync/k"), join(world.folder, ".kinsync/k")].find((path) =>
        existsSync(path),
      );
      await expect.poll(() => readdirSync(state ?? "").filter((name) => name.startsWith("stage-"))).toEqual([]);
    },
    LIMIT_MS,
  );

  test(
    "a local failure between two pieces ends the batch and not the session",
    async () => {
      await using world = await open(make, SLOW);
      const failure = new Error("the local file changed");
      const failing = world.apply(texts(), (archive) => ({
        ...archive,
        async *compressed(signal) {
          for await (const piece of archive.compressed?.(signal) ?? []) {
            yield piece;
            throw failure;
          }
        },
      }));
      await expect(failing).rejects.toBe(failure);
      const paths = texts();
      await world.apply(paths);
      expectFiles(world.folder, paths);
    },
    LIMIT_MS,
  );
});

test.skipIf(!MAKES.some(({ name }) => name === "sh"))(
  "a container whose gzip does not work receives plain bytes",
  async () => {
    const [make] = MAKES.filter(({ name }) => name === "sh");
    if (make === undefined) return;
    const path = (folder: string): string => {
      const bin = join(folder, "shim");
      mkdirSync(bin);
      writeFileSync(join(bin, "gzip"), "#!/bin/sh\nexit 0\n");
      chmodSync(join(bin, "gzip"), 0o755);
      return `${bin}:${make.path(folder)}`;
    };
    await using world = await open({ ...make, path }, SLOW);
    const paths = texts();
    const { sent, size } = await world.apply(paths);
    expectFiles(world.folder, paths);
    expect(sent).toBeGreaterThan(size);
  },
  LIMIT_MS,
);
