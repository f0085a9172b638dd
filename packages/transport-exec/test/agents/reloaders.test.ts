import { watch } from "node:fs/promises";
import { lstatSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { basename, join, sep } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import type { RootSpec } from "@kinsync/core/contract";
import { createBatch, type BatchPath } from "@kinsync/core/testing";
import { MAKES } from "../support/containers.ts";
import { makeLocalEnvironment, type LocalEnvironment } from "../support/environment.ts";
import { canMount, withMounts } from "../support/mounts.ts";
import { stagesOf } from "../support/stages.ts";

const signal = AbortSignal.timeout(600_000);
const root: RootSpec = { path: "src", shape: "directory", key: "k" };

/** Names that change below a folder but outside of the mapped one, as a reloader with a recursive watch sees them. */
async function namesAround(folder: string, act: () => Promise<void>): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  const stop = new AbortController();
  const watching = (async () => {
    for await (const { filename } of watch(folder, { recursive: true, signal: stop.signal })) {
      if (filename !== null && filename.split(sep)[0] !== root.path) names.add(basename(filename));
    }
  })().catch(() => {});
  await sleep(200);
  await act();
  writeFileSync(join(folder, "seen"), "");
  await sleep(300);
  stop.abort();
  await watching;
  return names;
}

const SAVES: readonly (readonly [string, readonly BatchPath[]])[] = [
  ["one file", [{ file: "a.py", bytes: "1" }]],
  ["one large file", [{ file: "large.py", bytes: new Uint8Array(3_000_000) }]],
  ["a file in a new folder", [{ directory: "d" }, { file: "d/a.py", bytes: "1" }]],
  ["five files", [1, 2, 3, 4, 5].map((each) => ({ file: `m${each}.py`, bytes: "1" }))],
];

test.each(MAKES.flatMap((make) => SAVES.map(([what, paths]) => ({ make, what, paths }))))(
  "what is staged has the name of no source: $what, in a container with $make.name",
  async ({ make, paths }) => {
    await using world = await makeLocalEnvironment(make);
    mkdirSync(join(world.folder, "src"));
    const who = { cluster: world.cluster, runId: "s", owner: "o", since: "2026-01-01T00:00:00Z", signal };
    const session = await world.transport.open(world.target, who);
    await session.claim(root, { snapshot: 0, tree: "", signal });
    const batch = await createBatch(root, paths);
    const names = await namesAround(world.folder, async () => {
      await session.stage(batch, { signal }).ready;
      await sleep(200);
    });
    expect(names).toContain("seen");
    expect([...names].filter((name) => name.endsWith(".py"))).toEqual([]);
    await session[Symbol.asyncDispose]();
  },
);

describe.each(MAKES.filter(({ runtime }) => runtime === "sh"))("an archive in a container with $name", (make) => {
  const paths: readonly BatchPath[] = [
    { directory: "d" },
    ...[1, 2, 3, 4, 5].map((each) => ({ file: `d/m${each}.py`, bytes: "1" })),
  ];

  async function open(world: LocalEnvironment, runId: string) {
    const who = { cluster: world.cluster, runId, owner: "o", since: "2026-01-01T00:00:00Z", signal };
    const session = await world.transport.open(world.target, who);
    await session.claim(root, { snapshot: 0, tree: "", signal });
    return session;
  }

  const stages = (world: LocalEnvironment): string[] =>
    stagesOf(join(world.folder, root.path), join(world.folder, ".kinsync/k"));

  test("is staged in /tmp, and nothing of it stays after a commit, a discard, and the end of a session", async () => {
    await using world = await makeLocalEnvironment(make);
    mkdirSync(join(world.folder, root.path));
    const session = await open(world, "s");
    const batch = await createBatch(root, paths);
    const [first, second] = [session.stage(batch, { signal }), session.stage(batch, { signal })];
    await Promise.all([first.ready, second.ready]);
    expect(stages(world)).toEqual([
      expect.stringMatching(/^.tmp.\.kinsync-/),
      expect.stringMatching(/^.tmp.\.kinsync-/),
    ]);
    await session.discard?.(first);
    expect(stages(world)).toHaveLength(1);
    await session.commit(second, { signal });
    await session.ping?.({ signal });
    expect(stages(world)).toEqual([]);
    expect(readdirSync(join(world.folder, "src/d"))).toHaveLength(5);
    await session.stage(batch, { signal }).ready;
    await session[Symbol.asyncDispose]();
    await vi.waitUntil(() => stages(world).length === 0, 10_000);
  });

  test("of an agent that was killed goes with the next archive", async () => {
    await using world = await makeLocalEnvironment(make);
    mkdirSync(join(world.folder, root.path));
    const session = await open(world, "s");
    const batch = await createBatch(root, paths);
    await session.stage(batch, { signal }).ready;
    expect(stages(world)).toHaveLength(1);
    world.cluster.killAll();
    await session.ended;
    expect(stages(world)).toHaveLength(1);
    const next = await open(world, "t");
    await next.commit(next.stage(batch, { signal }), { signal });
    await next.ping?.({ signal });
    expect(stages(world)).toEqual([]);
    await next[Symbol.asyncDispose]();
  });

  test("of an agent that was killed goes when the root is released", async () => {
    await using world = await makeLocalEnvironment(make);
    mkdirSync(join(world.folder, root.path));
    const session = await open(world, "s");
    await session.stage(await createBatch(root, paths), { signal }).ready;
    world.cluster.killAll();
    await session.ended;
    const next = await open(world, "t");
    await next.release?.(root, { signal });
    const inode = lstatSync(join(world.folder, root.path)).ino;
    expect(readdirSync("/tmp").filter((name) => name.startsWith(`.kinsync-${inode}-`))).toEqual([]);
    await next[Symbol.asyncDispose]();
  });

  test.runIf(canMount)("is staged in the root where that is a volume", async () => {
    await using world = await makeLocalEnvironment(withMounts(make, 'mount -t tmpfs none "$PWD/src"'));
    mkdirSync(join(world.folder, root.path));
    const session = await open(world, "s");
    await session.commit(session.stage(await createBatch(root, paths), { signal }), { signal });
    const { entries } = await session.inventory(root, { paths: [], list: true, signal });
    expect(entries).toHaveLength(6);
    await session[Symbol.asyncDispose]();
  });
});
