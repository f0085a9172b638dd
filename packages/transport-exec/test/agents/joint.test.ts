import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { RootSpec } from "@kinsync/core/contract";
import { createBatch } from "@kinsync/core/testing";
import { MAKES } from "../support/containers.ts";
import { makeLocalEnvironment } from "../support/environment.ts";

const signal = AbortSignal.timeout(600_000);
const root: RootSpec = { path: "root", shape: "directory", key: "k" };
/** A busy machine delays some of them. */
const ROUNDS = 10;

describe.each(MAKES.filter(({ runtime }) => runtime !== "sh"))("the agent of a container with $name", (make) => {
  test("shows the files of a commit that others wait for, and does the rest a moment later", async () => {
    await using world = await makeLocalEnvironment(make);
    mkdirSync(join(world.folder, "root"));
    const who = { cluster: world.cluster, runId: "s", owner: "o", since: "2026-01-01T00:00:00Z", signal };
    await using session = await world.transport.open(world.target, who);
    await session.claim(root, { snapshot: 0, tree: "", signal });
    const stage = session.stage(await createBatch(root, [{ file: "f", bytes: "1" }]), { signal });
    await stage.ready;
    await session.commit(stage, { signal });
    // The time of the status is that of the rename, in ticks of up to 4 ms.
    const shownMs = statSync(join(world.folder, "root/f")).ctimeMs;
    expect(statSync(join(world.folder, ".kinsync/k/marker")).ctimeMs - shownMs).toBeGreaterThan(4);
  });

  test("changes all roots that are committed together before the moment", async () => {
    await using world = await makeLocalEnvironment(make);
    const roots = ["one", "two"].map((path): RootSpec => ({ path, shape: "directory", key: path }));
    for (const { path } of roots) mkdirSync(join(world.folder, path));
    const who = { cluster: world.cluster, runId: "s", owner: "o", since: "2026-01-01T00:00:00Z", signal };
    await using session = await world.transport.open(world.target, who);
    for (const each of roots) await session.claim(each, { snapshot: 0, tree: "", signal });
    const restMs: (readonly [one: number, two: number])[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const batches = await Promise.all(roots.map((each) => createBatch(each, [{ file: "f", bytes: String(round) }])));
      const stages = batches.map((batch) => session.stage(batch, { signal }));
      await Promise.all(stages.map(({ ready }) => ready));
      await Promise.all(stages.map((stage) => session.commit(stage, { signal })));
      const timeOf = (path: string): number => statSync(join(world.folder, path)).ctimeMs;
      const [one = 0, two = 0] = roots.map(({ path }) => timeOf(`.kinsync/${path}/marker`) - timeOf(`${path}/f`));
      restMs.push([one, two]);
    }
    // In ticks of up to 4 ms. The rest of the first one is not delayed, so that the second one changes at once.
    expect(Math.min(...restMs.map(([one]) => one))).toBeLessThan(6);
    expect(Math.min(...restMs.map(([, two]) => two))).toBeGreaterThan(4);
  });
});
