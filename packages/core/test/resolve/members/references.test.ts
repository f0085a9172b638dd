import { expect, test } from "vitest";
import { defineKind, verdictOfInactivePod, type KindPlugin, type ResourceType } from "../../../src/contract/index.ts";
import { FakeCluster } from "../../support/fake-cluster.ts";
import { object, pod, PODS, TEAMS } from "../../support/objects.ts";
import { startWatch, states } from "../support/watch-fixture.ts";

const RUNTIMES: ResourceType = {
  group: "example.com",
  version: "v1alpha1",
  kind: "Runtime",
  plural: "runtimes",
  namespaced: false,
};
const SERVED = [PODS, TEAMS, RUNTIMES];

/** Current while the runtime that the root names is of the root's generation. */
const kind: KindPlugin = defineKind({
  name: "team",
  needs: ["referred"],
  root: TEAMS,
  watches: (root) => {
    const name = root.spec?.["runtimeRef"];
    return {
      watches: [],
      ...(typeof name === "string" ? { refers: [{ resource: RUNTIMES, name, optional: true }] } : {}),
    };
  },
  judge: ({ referred: [runtime], missing }) => ({
    pod: ({ pod }) =>
      verdictOfInactivePod(pod) ?? {
        state: runtime?.spec?.["ready"] === true ? "current" : "unsettled",
        reason: { code: runtime === undefined ? "no-runtime" : "runtime-seen", message: "the runtime was compared" },
      },
    notes: missing.map(({ plural }) => ({ code: "missing", message: `${plural} may not be read` })),
  }),
});

const train = object(TEAMS, "train", { spec: { runtimeRef: "torch" } });
const torch = object(RUNTIMES, "torch", { spec: { ready: true } });

function start(cluster: FakeCluster) {
  return startWatch({ cluster, kind });
}

test("an object that the root refers to is in the view, and only that one is requested", async () => {
  const cluster = new FakeCluster(SERVED);
  cluster.put(train, torch, object(RUNTIMES, "other"), pod("a", { owner: train }));
  await using fixture = start(cluster);
  expect(states(await fixture.watch.ready)).toEqual(["a=current"]);
  const queries = cluster.requests.filter(({ path }) => path.endsWith("/runtimes"));
  expect(queries.every(({ query }) => query?.["fieldSelector"] === "metadata.name=torch")).toBe(true);
});

test("a referred object that is created, changed or deleted leads to a new judgement", async () => {
  const cluster = new FakeCluster(SERVED);
  cluster.put(train, pod("a", { owner: train }));
  await using fixture = start(cluster);
  expect((await fixture.watch.ready).members[0]?.reason.code).toBe("no-runtime");
  cluster.put(object(RUNTIMES, "torch", { spec: { ready: false } }));
  await fixture.until((one) => one.members[0]?.reason.code === "runtime-seen");
  cluster.put(torch);
  await fixture.until((one) => one.members[0]?.state === "current");
  cluster.delete(torch);
  await fixture.until((one) => one.members[0]?.reason.code === "no-runtime");
});

test("a reference that changes is followed to the other object", async () => {
  const cluster = new FakeCluster(SERVED);
  cluster.put(train, object(RUNTIMES, "torch"), object(RUNTIMES, "jax", { spec: { ready: true } }));
  cluster.put(pod("a", { owner: train }));
  await using fixture = start(cluster);
  expect(states(await fixture.watch.ready)).toEqual(["a=unsettled"]);
  cluster.put({ ...train, spec: { runtimeRef: "jax" } });
  await fixture.until((one) => states(one).join() === "a=current");
});

test("a referred object is never a member, and nothing below it is", async () => {
  const cluster = new FakeCluster(SERVED);
  cluster.put(train, torch, pod("a", { owner: train }), pod("b", { owner: torch }));
  await using fixture = start(cluster);
  expect(states(await fixture.watch.ready)).toEqual(["a=current"]);
  expect(fixture.watch.owned).toEqual([]);
});

test("an optional reference that may not be read is named in `missing`, and is not a problem", async () => {
  const cluster = new FakeCluster(SERVED);
  cluster.setFailure(RUNTIMES, "forbidden");
  cluster.put(train, torch, pod("a", { owner: train }));
  await using fixture = start(cluster);
  expect(await fixture.watch.ready).toMatchObject({ notes: [{ code: "missing" }], problems: [] });
});
