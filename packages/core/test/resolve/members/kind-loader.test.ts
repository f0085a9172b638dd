import { expect, test } from "vitest";
import { jobset } from "../../../../kind-jobset/src/index.ts";
import type { KindPlugin } from "../../../src/contract/index.ts";
import { lazyKind } from "../../../src/plugins/host.ts";
import { states } from "../support/watch-fixture.ts";
import { attempt, jobSet, startTrainJob, trainJobKind } from "../support/train-job.ts";

test("the kind of a delegated child is loaded when such a child appears, and the workload is ready only then", async () => {
  const loading = Promise.withResolvers<KindPlugin>();
  const lazy = lazyKind({ name: "jobset", root: jobset().root, load: () => loading.promise });
  await using fixture = startTrainJob({ kinds: [trainJobKind, lazy] });
  let isReady = false;
  void fixture.watch.ready.then(() => (isReady = true));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(isReady).toBe(false);
  loading.resolve(jobset());
  expect(states(await fixture.watch.ready)).toEqual(["head-0=current"]);
  expect(fixture.resolutions).toHaveLength(1);
});

test("a kind is loaded once, also for a child that comes back", async () => {
  let imports = 0;
  const lazy = lazyKind({
    name: "jobset",
    root: jobset().root,
    load: () => {
      imports += 1;
      return Promise.resolve(jobset());
    },
  });
  await using fixture = startTrainJob({ kinds: [trainJobKind, lazy] });
  await fixture.watch.ready;
  expect(imports).toBe(1);
  for (const one of [...attempt(0, jobSet(0)), jobSet(0)].toReversed()) fixture.cluster.delete(one);
  await fixture.until((one) => one.members.length === 0);
  fixture.cluster.put(jobSet(1, { uid: "uid-again" }), ...attempt(1, jobSet(1, { uid: "uid-again" })));
  await fixture.until((one) => one.members.length === 1);
  expect(imports).toBe(1);
});

test("a kind that cannot be loaded is a problem of the workload, which has no members below its children", async () => {
  const lazy = lazyKind({ name: "jobset", root: jobset().root, load: () => Promise.reject(new Error("no such file")) });
  await using fixture = startTrainJob({ kinds: [trainJobKind, lazy] });
  const { members, problems } = await fixture.watch.ready;
  expect(members).toEqual([]);
  expect(problems.map(({ code, message }) => `${code}: ${message}`)).toEqual([
    "KINSYNC_PLUGIN_FAILED: plugin jobset failed in load: no such file",
  ]);
});
