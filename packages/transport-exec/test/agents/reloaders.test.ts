import { watch } from "node:fs/promises";
import { mkdirSync } from "node:fs";
import { basename, join, sep } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import type { RootSpec } from "@kinsync/core/contract";
import { createBatch, type BatchPath } from "@kinsync/core/testing";
import { MAKES } from "../support/containers.ts";
import { makeLocalEnvironment } from "../support/environment.ts";

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

test.each(
  MAKES.flatMap((make) => SAVES.map(([what, paths]) => ({ make, what, paths }))).filter(
    // tar unpacks under the names of the archive.
    ({ make, what }) => make.runtime !== "sh" || (!what.includes("folder") && what !== "five files"),
  ),
)("what is staged has the name of no source: $what, in a container with $make.name", async ({ make, paths }) => {
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
  expect(names.size).toBeGreaterThan(0);
  expect([...names].filter((name) => name.endsWith(".py"))).toEqual([]);
  await session[Symbol.asyncDispose]();
});
