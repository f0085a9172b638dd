import { appendFileSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { RootSpec, Session } from "@kinsync/core/contract";
import { createBatch, type BatchPath } from "@kinsync/core/testing";
import { MAKES, type Make } from "../support/containers.ts";
import { makeLocalEnvironment } from "../support/environment.ts";

const root: RootSpec = { path: "root", shape: "directory", key: "k" };
const LIMIT_MS = 60_000;
const SLOW = 2_500_000;
const ROUND_TRIP_MS = 60;
const LINE = "export const value = someFunction(argument, another);\n";

/** So many paths that the instructions of their commit are a blob, with new folders and a link. */
function texts(): BatchPath[] {
  const files: BatchPath[] = [{ directory: "folder" }, { link: "link", target: "folder/f1.ts" }];
  for (let at = 0; at < 600; at += 1) {
    files.push({ file: `${at % 2 === 0 ? "" : "folder/"}f${at}.ts`, bytes: `${at} ${LINE.repeat(20 + (at % 7))}` });
  }
  return files;
}

async function open(make: Make) {
  const signal = AbortSignal.timeout(LIMIT_MS);
  const world = await makeLocalEnvironment(make);
  world.cluster.bytesPerSecond = SLOW;
  world.cluster.roundTripMs = ROUND_TRIP_MS;
  const who = { cluster: world.cluster, runId: "s", owner: "o", since: "2026-01-01T00:00:00Z", signal };
  const session = await world.transport.open(world.target, who);
  // Some of the round trips that the session measures find this process at rest.
  await delay(6 * ROUND_TRIP_MS);
  return { session, signal, cluster: world.cluster, folder: world.folder, world };
}

function expectFiles(folder: string, paths: readonly BatchPath[]): void {
  const files = paths.flatMap((path) => ("file" in path ? path : []));
  for (const { file, bytes } of files) expect(readFileSync(join(folder, file), "utf8"), file).toBe(bytes);
}

/** The session brings a batch to the claimed root. */
async function expectNextBatch(session: Session, folder: string, signal: AbortSignal): Promise<void> {
  const paths = texts();
  await session.commit(session.stage(await createBatch(root, paths), { signal }), { signal });
  expectFiles(join(folder, "root"), paths);
}

/** Everything in a folder, at any depth. */
function listing(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).toSorted();
}

describe.each(MAKES)("a container with $name", (make) => {
  test("receives a batch while its claim is answered", { timeout: LIMIT_MS }, async () => {
    const { session, cluster, folder, signal, world } = await open(make);
    await using _world = world;
    await using _session = session;
    const paths = texts();
    const batch = await createBatch(root, paths);
    const before = cluster.sentBytes;
    // The container reads nothing, so it does not answer the claim either.
    const goOn = cluster.stall();
    const claimed = session.claim(root, { snapshot: 0, tree: "", signal });
    const stage = session.stage(batch, { signal });
    const committed = session.commit(stage, { signal });
    while (cluster.sentBytes - before < 10_000) await delay(5, undefined, { signal });
    goOn();
    await claimed;
    expect(await committed).toMatchObject({ count: batch.entries.length });
    expectFiles(join(folder, "root"), paths);
    expect((await session.inventory(root, { paths: [], signal })).placed).toHaveLength(paths.length);
  });

  test(
    "of which the journal grew long receives a batch while its claim is answered",
    { timeout: LIMIT_MS },
    async () => {
      const { session, cluster, folder, signal, world } = await open(make);
      await using _world = world;
      await using _session = session;
      await session.claim(root, { snapshot: 0, tree: "", signal });
      const state = join(folder, ".kinsync/k");
      appendFileSync(join(state, "manifest"), "\n+gone\\.\n-gone\\.".repeat(20_000));
      // The short form is for the next commit, and travels with its stage.
      await session.inventory(root, { paths: [], signal });
      const paths = texts();
      const batch = await createBatch(root, paths);
      const goOn = cluster.stall();
      const claimed = session.claim(root, { snapshot: 1, tree: "", signal });
      const committed = session.commit(session.stage(batch, { signal }), { signal });
      setTimeout(goOn, 50);
      await claimed;
      expect(await committed).toMatchObject({ count: batch.entries.length });
      expectFiles(join(folder, "root"), paths);
      const { placed } = await session.inventory(root, { paths: [], signal });
      expect(new Set(placed)).toEqual(new Set(batch.placed));
      // The next batch brings the short form.
      await session.commit(session.stage(await createBatch(root, [{ file: "g", bytes: "g" }]), { signal }), { signal });
      expect((await session.inventory(root, { paths: [], signal })).placed).toHaveLength(batch.placed.length + 1);
      expect(statSync(join(state, "manifest")).size).toBeLessThan(100_000);
    },
  );

  test("that refuses the claim keeps its files, and takes other batches", { timeout: LIMIT_MS }, async () => {
    const { session, cluster, folder, signal, world } = await open(make);
    await using _world = world;
    await using _session = session;
    writeFileSync(join(folder, "file"), "mine");
    const inFile: RootSpec = { path: "file/root", shape: "directory", key: "other" };
    const before = listing(folder);
    const top = readdirSync("/");
    const goOn = cluster.stall();
    const claimed = session.claim(inFile, { snapshot: 0, tree: "", signal });
    const stage = session.stage(await createBatch(inFile, texts()), { signal });
    const committed = session.commit(stage, { signal });
    setTimeout(goOn, 50);
    const [claim, staged, commit] = await Promise.allSettled([claimed, stage.ready, committed]);
    if (claim.status === "fulfilled") throw new Error("the claim succeeded");
    const reason: unknown = claim.reason;
    expect(reason).toMatchObject({ code: expect.stringMatching(/^KINSYNC_TARGET_/) as string });
    expect(staged).toEqual({ status: "rejected", reason });
    expect(commit).toEqual({ status: "rejected", reason });
    expect(listing(folder)).toEqual(before);
    expect(readdirSync("/")).toEqual(top);

    await session.claim(root, { snapshot: 1, tree: "", signal });
    await expectNextBatch(session, folder, signal);
  });

  test("where a path becomes too long writes nothing of the batch", { timeout: LIMIT_MS }, async () => {
    const { session, cluster, folder, signal, world } = await open(make);
    await using _world = world;
    await using _session = session;
    const long = Array.from({ length: 20 }, () => "x".repeat(200)).join("/");
    const goOn = cluster.stall();
    const claimed = session.claim(root, { snapshot: 0, tree: "", signal });
    const stage = session.stage(await createBatch(root, [...texts(), { file: long, bytes: "1" }]), { signal });
    setTimeout(goOn, 50);
    await claimed;
    await expect(session.commit(stage, { signal })).rejects.toMatchObject({ code: "KINSYNC_TARGET_PATH" });
    expect(readdirSync(join(folder, "root")).filter((name) => name !== ".kinsync")).toEqual([]);
    await expectNextBatch(session, folder, signal);
  });

  test("of which a batch is given up before the answer takes the next one", { timeout: LIMIT_MS }, async () => {
    const { session, cluster, folder, signal, world } = await open(make);
    await using _world = world;
    await using _session = session;
    const goOn = cluster.stall();
    const claimed = session.claim(root, { snapshot: 0, tree: "", signal });
    const abort = new AbortController();
    const stage = session.stage(await createBatch(root, texts()), { signal: abort.signal });
    setTimeout(() => {
      abort.abort(new Error("given up"));
      goOn();
    }, 50);
    await claimed;
    await expect(stage.ready).rejects.toThrow("given up");
    await expectNextBatch(session, folder, signal);
  });
});
