import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Archive, Batch, RootSpec, Session } from "@kinsync/core/contract";
import { createBatch } from "@kinsync/core/testing";
import { MAKES, type Make } from "../support/containers.ts";
import { makeLocalEnvironment } from "../support/environment.ts";

const root: RootSpec = { path: "root", shape: "directory", key: "k" };
const LIMIT_MS = 60_000;
const MEBIBYTE = 1024 * 1024;
const CUT_BYTES = 20 * MEBIBYTE;

const model = randomBytes(32 * MEBIBYTE);

async function makeWorld(make: Make) {
  const signal = AbortSignal.timeout(LIMIT_MS);
  const world = await makeLocalEnvironment(make);
  const { cluster } = world;
  cluster.roundTripMs = 5;
  const state = (): string =>
    [join(world.folder, ".kinsync/k"), join(world.folder, "root/.kinsync/k")].find((path) => existsSync(path)) ?? "";
  return {
    cluster,
    signal,
    file: join(world.folder, "root/model.bin"),
    kept: () => readdirSync(state()).filter((name) => name.startsWith("part-")),
    stages: () => readdirSync(state()).filter((name) => name.startsWith("stage-")),
    keptFile: () => join(state(), readdirSync(state()).find((name) => name.startsWith("part-")) ?? ""),
    folder: world.folder,
    async open(runId = "run"): Promise<Required<Omit<Session, "seen">>> {
      const who = { cluster, runId, owner: "o", since: "2026-01-01T00:00:00Z", signal };
      const session = await world.transport.open(world.target, who);
      await session.claim(root, { snapshot: 0, tree: "", signal });
      await delay(100);
      return session;
    },
    /** Commits, and returns how many bytes were sent. */
    async commit(session: Session, batch: Batch): Promise<number> {
      const before = cluster.sentBytes;
      await session.commit(session.stage(batch, { signal }), { signal });
      return cluster.sentBytes - before;
    },
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}

/** The archive, after whose first bytes something happens. */
function interruptedAfter(batch: Batch, bytes: number, act: () => Promise<void>): Batch {
  const archive: Archive = {
    size: batch.archive.size,
    async *chunks(signal) {
      let sent = 0;
      for await (const chunk of batch.archive.chunks(signal)) {
        if (sent < bytes && sent + chunk.length >= bytes) await act();
        sent += chunk.length;
        yield chunk;
      }
    },
  };
  return { ...batch, archive };
}

const able = MAKES.filter(({ runtime }) => runtime !== "sh");

describe.each(able)("a large file whose transfer breaks, in a container with $name", { timeout: LIMIT_MS }, (make) => {
  /** Sends the file until the connection breaks. */
  async function breakTransfer(world: Awaited<ReturnType<typeof makeWorld>>, silently = false): Promise<void> {
    await using session = await world.open();
    const batch = await createBatch(root, [{ file: "model.bin", bytes: model }]);
    const cut = async (): Promise<void> => {
      // What was sent is on its way into the container.
      await delay(300);
      world.cluster.losesSilently = silently;
      world.cluster.dropAll();
      // The connections end in the next turn.
      await delay(50);
      world.cluster.losesSilently = false;
    };
    await expect(world.commit(session, interruptedAfter(batch, CUT_BYTES, cut))).rejects.toMatchObject({
      code: "KINSYNC_TARGET_LOST",
    });
  }

  test("continues in the next session of the run", async () => {
    await using world = await makeWorld(make);
    await breakTransfer(world);
    await using session = await world.open();
    expect(world.stages()).toEqual([]);
    expect(world.kept().length).toBe(1);
    const sent = await world.commit(session, await createBatch(root, [{ file: "model.bin", bytes: model }]));
    expect(readFileSync(world.file).equals(model)).toBe(true);
    expect(sent).toBeLessThan(model.length - CUT_BYTES / 2);
    await expect.poll(() => world.kept()).toEqual([]);
  });

  test("continues where the connection was lost without a word, and the former agent still waits", async () => {
    await using world = await makeWorld(make);
    await breakTransfer(world, true);
    await using session = await world.open();
    const sent = await world.commit(session, await createBatch(root, [{ file: "model.bin", bytes: model }]));
    expect(readFileSync(world.file).equals(model)).toBe(true);
    expect(sent).toBeLessThan(model.length - CUT_BYTES / 2);
  });

  test("starts anew in another run, which removes what was kept", async () => {
    await using world = await makeWorld(make);
    await breakTransfer(world);
    await using session = await world.open("another run");
    expect(world.kept()).toEqual([]);
    const sent = await world.commit(session, await createBatch(root, [{ file: "model.bin", bytes: model }]));
    expect(sent).toBeGreaterThan(model.length);
    expect(readFileSync(world.file).equals(model)).toBe(true);
  });

  test.each<[string, (file: string) => void]>([
    ["was damaged", (file) => writeFileSync(file, Buffer.alloc(MEBIBYTE, 1), { flag: "r+" })],
    ["became shorter", (file) => truncateSync(file, 5 * MEBIBYTE)],
    ["is empty", (file) => truncateSync(file, 0)],
  ])("is right although what was kept %s", async (_name, change) => {
    await using world = await makeWorld(make);
    await breakTransfer(world);
    await using session = await world.open();
    change(world.keptFile());
    await world.commit(session, await createBatch(root, [{ file: "model.bin", bytes: model }]));
    expect(readFileSync(world.file).equals(model)).toBe(true);
  });

  test("is right although what was kept changes after its sums were read", async () => {
    await using world = await makeWorld(make);
    await breakTransfer(world);
    await using session = await world.open();
    const batch = await createBatch(root, [{ file: "model.bin", bytes: model }]);
    const damage = async (): Promise<void> => {
      if (world.kept().length > 0) writeFileSync(world.keptFile(), Buffer.alloc(MEBIBYTE, 1), { flag: "r+" });
    };
    await world.commit(session, interruptedAfter(batch, MEBIBYTE, damage));
    expect(readFileSync(world.file).equals(model)).toBe(true);
    expect(world.kept()).toEqual([]);
  });

  test("is not confused with another file", async () => {
    await using world = await makeWorld(make);
    await breakTransfer(world);
    await using session = await world.open();
    const other = randomBytes(5 * MEBIBYTE);
    await world.commit(session, await createBatch(root, [{ file: "model.bin", bytes: other }]));
    expect(readFileSync(world.file).equals(other)).toBe(true);
    await expect.poll(() => world.kept()).toEqual([]);
  });

  test("of a run that was ended leaves nothing, and the next run and its clean-up do not notice the agent that waits", async () => {
    await using world = await makeWorld(make);
    const former = await world.open();
    const waiting = [...world.cluster.sockets].at(-1);
    onTestFinished(() => waiting?.kill());
    const batch = await createBatch(root, [{ file: "model.bin", bytes: model }]);
    const end = async (): Promise<void> => {
      await delay(200);
      void former[Symbol.asyncDispose]();
      await delay(50);
    };
    await expect(world.commit(former, interruptedAfter(batch, CUT_BYTES, end))).rejects.toMatchObject({
      code: "KINSYNC_TARGET_LOST",
    });
    const begunAt = performance.now();
    await using next = await world.open("next");
    expect([world.stages(), world.kept()]).toEqual([[], []]);
    await world.commit(next, await createBatch(root, [{ file: "small", bytes: Buffer.from("small") }]));
    await next.release(root, { signal: world.signal });
    expect(performance.now() - begunAt).toBeLessThan(5_000);
    expect(readdirSync(world.folder)).toEqual(["root"]);
    expect(readdirSync(join(world.folder, "root"))).toEqual(["small"]);
  });
});
