import { randomBytes } from "node:crypto";
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { KinsyncError, type Archive, type Batch, type RootSpec } from "@kinsync/core/contract";
import { createBatch, type BatchPath } from "@kinsync/core/testing";
import { MAKES, type Make } from "../support/containers.ts";
import { makeLocalEnvironment } from "../support/environment.ts";

const root: RootSpec = { path: "root", shape: "directory", key: "k" };
const LIMIT_MS = 60_000;
const MEBIBYTE = 1024 * 1024;
/** Some round trips. */
const MEASURED_MS = 100;

const former = randomBytes(6 * MEBIBYTE);
const changed = Buffer.concat([former.subarray(0, 3_000_000), Buffer.from("inserted"), former.subarray(3_000_000)]);
const model = (bytes: Uint8Array): BatchPath => ({ file: "model.bin", bytes, replaces: "file" });

async function open(make: Make) {
  const signal = AbortSignal.timeout(LIMIT_MS);
  const world = await makeLocalEnvironment(make);
  world.cluster.roundTripMs = 5;
  const who = { cluster: world.cluster, runId: "s", owner: "o", since: "2026-01-01T00:00:00Z", signal };
  const session = await world.transport.open(world.target, who);
  await session.claim(root, { snapshot: 0, tree: "", signal });
  const folder = join(world.folder, "root");
  const commit = async (batch: Batch): Promise<number> => {
    const before = world.cluster.sentBytes;
    await session.commit(session.stage(batch, { signal }), { signal });
    return world.cluster.sentBytes - before;
  };
  await commit(await createBatch(root, [{ file: "model.bin", bytes: former }]));
  await delay(MEASURED_MS);
  return {
    session,
    signal,
    folder,
    file: join(folder, "model.bin"),
    /** Commits, and returns how many bytes were sent. */
    commit,
    stages(): readonly string[] {
      const state = [join(folder, "../.kinsync/k"), join(folder, ".kinsync/k")].find((path) => existsSync(path));
      return readdirSync(state ?? "").filter((name) => name.startsWith("stage-"));
    },
    async [Symbol.asyncDispose]() {
      await session[Symbol.asyncDispose]();
      await world[Symbol.asyncDispose]();
    },
  };
}

/** The batch; `act` runs before its archive is read for the `turn`th time, and may change what is read. */
function whenRead(batch: Batch, turn: number, act: () => ((chunk: Uint8Array) => Uint8Array) | undefined): Batch {
  let reads = 0;
  const archive: Archive = {
    size: batch.archive.size,
    async *chunks(signal) {
      reads += 1;
      const change = reads === turn ? act() : undefined;
      for await (const chunk of batch.archive.chunks(signal)) yield change === undefined ? chunk : change(chunk);
    },
  };
  return { ...batch, archive };
}

const able = MAKES.filter(({ runtime }) => runtime !== "sh");

describe.each(able)("a large file that changes in a container with $name", { timeout: LIMIT_MS }, (make) => {
  test("arrives as its changed blocks, together with other files", async () => {
    await using world = await open(make);
    const others: BatchPath[] = [{ directory: "new" }, { file: "new/a.txt", bytes: "a" }, { link: "l", target: "new" }];
    const sent = await world.commit(
      await createBatch(root, [...others, model(changed), { file: "z.txt", bytes: "z" }]),
    );
    expect(readFileSync(world.file).equals(changed)).toBe(true);
    expect(readFileSync(join(world.folder, "new/a.txt"), "utf8")).toBe("a");
    expect(readFileSync(join(world.folder, "z.txt"), "utf8")).toBe("z");
    expect(sent).toBeLessThan(300_000);
    // Back again, from what is there now.
    expect(await world.commit(await createBatch(root, [model(former)]))).toBeLessThan(300_000);
    expect(readFileSync(world.file).equals(former)).toBe(true);
  });

  test("arrives whole where most of it is new", async () => {
    await using world = await open(make);
    const other = randomBytes(5 * MEBIBYTE);
    const sent = await world.commit(await createBatch(root, [model(other)]));
    expect(readFileSync(world.file).equals(other)).toBe(true);
    expect(sent).toBeGreaterThan(other.length);
  });

  test.each<[string, (file: string) => void]>([
    ["was changed in place", (file) => writeFileSync(file, Buffer.alloc(MEBIBYTE, 1), { flag: "r+" })],
    ["became shorter", (file) => writeFileSync(file, "short")],
    ["grew", (file) => appendFileSync(file, "more")],
    ["is gone", (file) => rmSync(file)],
    [
      "became a link",
      (file) => {
        rmSync(file);
        symlinkSync("/etc/hosts", file);
      },
    ],
  ])("is right although it %s after its sums were read", async (_name, change) => {
    await using world = await open(make);
    const batch = await createBatch(root, [model(changed)]);
    const act = (): undefined => change(world.file) as undefined;
    await world.commit(whenRead(batch, 1, act));
    expect(readFileSync(world.file).equals(changed)).toBe(true);
    // The session goes on.
    await world.commit(await createBatch(root, [{ file: "b.txt", bytes: "b" }]));
    expect(readFileSync(join(world.folder, "b.txt"), "utf8")).toBe("b");
  });

  test("is right although new bytes of it were damaged on the way", async () => {
    await using world = await open(make);
    const other = Buffer.concat([former, randomBytes(MEBIBYTE)]);
    const batch = await createBatch(root, [model(other)]);
    const damaged = whenRead(batch, 2, () => (chunk) => {
      const bytes = Buffer.from(chunk);
      if (bytes.length > 40_000) bytes.fill(0, 30_000, 30_100);
      return bytes;
    });
    await world.commit(damaged);
    expect(readFileSync(world.file).equals(other)).toBe(true);
  });

  test.each([1, 2])("keeps its bytes where the local file fails when it is read for the %s. time", async (turn) => {
    await using world = await open(make);
    const failure = new KinsyncError("KINSYNC_SOURCE_CHANGED", "model.bin changed");
    const other = Buffer.concat([former, randomBytes(2 * MEBIBYTE)]);
    let chunks = 0;
    const failing = whenRead(await createBatch(root, [model(other)]), turn, () => (chunk) => {
      chunks += 1;
      if (chunks > 110) throw failure;
      return chunk;
    });
    await expect(world.commit(failing)).rejects.toBe(failure);
    expect(readFileSync(world.file).equals(former)).toBe(true);
    await expect.poll(() => world.stages()).toEqual([]);
    await world.commit(await createBatch(root, [model(other)]));
    expect(readFileSync(world.file).equals(other)).toBe(true);
  });
});

test.skipIf(!MAKES.some(({ runtime }) => runtime === "sh"))(
  "a large file arrives whole in a container with sh",
  async () => {
    const make = MAKES.find(({ runtime }) => runtime === "sh");
    if (make === undefined) return;
    await using world = await open(make);
    expect(await world.commit(await createBatch(root, [model(changed)]))).toBeGreaterThan(changed.length);
    expect(readFileSync(world.file).equals(changed)).toBe(true);
  },
  LIMIT_MS,
);
