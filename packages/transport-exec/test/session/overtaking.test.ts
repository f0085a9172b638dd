import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Archive, Batch, RootSpec } from "@kinsync/core/contract";
import { createBatch, type BatchPath } from "@kinsync/core/testing";
import { MAKES, type Make } from "../support/containers.ts";
import { makeLocalEnvironment } from "../support/environment.ts";

const root: RootSpec = { path: "root", shape: "directory", key: "k" };
const other: RootSpec = { path: "other", shape: "directory", key: "o" };
const LIMIT_MS = 60_000;
const MEBIBYTE = 1024 * 1024;

const model = randomBytes(6 * MEBIBYTE);
const weights = randomBytes(5 * MEBIBYTE);

async function makeWorld(make: Make, roundTripMs = 0) {
  const signal = AbortSignal.timeout(LIMIT_MS);
  const world = await makeLocalEnvironment(make);
  world.cluster.roundTripMs = roundTripMs;
  const who = { cluster: world.cluster, runId: "run", owner: "o", since: "2026-01-01T00:00:00Z", signal };
  const session = await world.transport.open(world.target, who);
  for (const each of [root, other]) await session.claim(each, { snapshot: 0, tree: "", signal });
  const state = [join(world.folder, ".kinsync/k"), join(world.folder, "root/.kinsync/k")].find((path) =>
    existsSync(path),
  );
  return {
    session,
    signal,
    stages: () => readdirSync(state ?? "").filter((name) => name.startsWith("stage-")),
    read: (path: string) => {
      const full = join(world.folder, path);
      return existsSync(full) ? readFileSync(full) : undefined;
    },
    save: async (paths: readonly BatchPath[], to = root) =>
      session.commit(session.stage(await createBatch(to, paths), { signal }), { signal }),
    async [Symbol.asyncDispose]() {
      await session[Symbol.asyncDispose]();
      await world[Symbol.asyncDispose]();
    },
  };
}

/** The batch in the background. Half of its bytes can be read at first, and the rest after `release`. */
function inBackground(batch: Batch, failure?: Error) {
  const gate = Promise.withResolvers<void>();
  const half = Promise.withResolvers<void>();
  const archive: Archive = {
    size: batch.archive.size,
    async *chunks(signal) {
      let read = 0;
      for await (const chunk of batch.archive.chunks(signal)) {
        yield chunk;
        read += chunk.length;
        if (read - chunk.length >= batch.archive.size / 2 || read < batch.archive.size / 2) continue;
        half.resolve();
        await gate.promise;
        if (failure !== undefined) throw failure;
      }
    },
  };
  return { batch: { ...batch, archive, background: true }, half: half.promise, release: () => gate.resolve() };
}

const forms: [name: string, files: readonly BatchPath[]][] = [
  ["one large file", [{ file: "model", bytes: model }]],
  [
    "two large files",
    [
      { file: "model", bytes: model },
      { file: "weights", bytes: weights },
    ],
  ],
];

describe.each(MAKES)("a batch in the background, in a container with $name", { timeout: LIMIT_MS }, (make) => {
  describe.each(forms)("of %s", (_form, files) => {
    test("is overtaken by saves, and arrives", async () => {
      await using world = await makeWorld(make);
      const { session, signal, read, save } = world;
      await save([{ file: "main.py", bytes: "1" }]);
      const large = inBackground(await createBatch(root, files));
      const stage = session.stage(large.batch, { signal });
      await large.half;
      const saves = [
        // One file over another, without an archive.
        save([{ file: "main.py", bytes: "2", replaces: "file" }]),
        save([{ file: "new.py", bytes: "new" }, { remove: "main.py" }]),
        // An archive.
        save([
          { directory: "d" },
          ...Array.from({ length: 20 }, (_, index) => ({ file: `d/${index}.py`, bytes: `${index}` })),
          { link: "l", target: "new.py" },
        ]),
        save([{ file: "f", bytes: "of another root" }], other),
      ];
      // The next segment is due.
      large.release();
      await Promise.all(saves);
      expect(String(read("root/new.py"))).toBe("new");
      expect(String(read("root/d/19.py"))).toBe("19");
      expect(String(read("other/f"))).toBe("of another root");
      expect(read("root/main.py")).toBeUndefined();
      expect(read("root/model")).toBeUndefined();
      await stage.ready;
      await save([{ file: "after.py", bytes: "after" }]);
      expect(read("root/model")).toBeUndefined();
      await session.commit(stage, { signal });
      expect(read("root/model")?.equals(model)).toBe(true);
      await expect.poll(() => world.stages()).toEqual([]);
      const { marker, placed } = await session.inventory(root, { paths: ["model"], signal });
      expect(placed).toContain("model");
      expect(placed).toContain("d/19.py");
      expect(marker?.runId).toBe("run");
    });

    test("is given up after saves overtook it, and the session lives", async () => {
      await using world = await makeWorld(make);
      const { session, read, save, signal } = world;
      const abort = new AbortController();
      const large = inBackground(await createBatch(root, files));
      const stage = session.stage(large.batch, { signal: abort.signal });
      await large.half;
      const saved = save([{ file: "main.py", bytes: "1" }]);
      large.release();
      await saved;
      abort.abort(new Error("no longer needed"));
      await expect(stage.ready).rejects.toThrow("no longer needed");
      await session.discard(stage);
      await save([{ file: "main.py", bytes: "2", replaces: "file" }]);
      expect(String(read("root/main.py"))).toBe("2");
      expect(read("root/model")).toBeUndefined();
      await expect.poll(() => world.stages()).toEqual([]);
      await session.ping({ signal });
    });

    test("does not suffer from a batch that fails while it overtakes it", async () => {
      await using world = await makeWorld(make);
      const { session, read, save, signal } = world;
      await save([{ directory: "folder" }, { file: "folder/f", bytes: "f" }]);
      const large = inBackground(await createBatch(root, files));
      const stage = session.stage(large.batch, { signal });
      await large.half;
      const failing = save([{ file: "x".repeat(300), bytes: "1" }]);
      failing.catch(() => undefined);
      const saved = save([{ file: "main.py", bytes: "1" }]);
      large.release();
      await expect(failing).rejects.toMatchObject({ code: "KINSYNC_TARGET_PATH" });
      await saved;
      await stage.ready;
      await session.commit(stage, { signal });
      expect(read("root/model")?.equals(model)).toBe(true);
      expect(String(read("root/main.py"))).toBe("1");
    });
  });

  test("waits for a claim that was requested before the saves that follow it", async () => {
    await using world = await makeWorld(make);
    const { session, read, save, signal } = world;
    const third: RootSpec = { path: "third", shape: "directory", key: "t" };
    const large = inBackground(await createBatch(root, [{ file: "model", bytes: model }]));
    const stage = session.stage(large.batch, { signal });
    await large.half;
    const claimed = session.claim(third, { snapshot: 0, tree: "", signal });
    const saved = save([{ file: "f", bytes: "1" }], third);
    large.release();
    await Promise.all([claimed, saved]);
    expect(String(read("third/f"))).toBe("1");
    await session.commit(stage, { signal });
    expect(read("root/model")?.equals(model)).toBe(true);
  });
});
