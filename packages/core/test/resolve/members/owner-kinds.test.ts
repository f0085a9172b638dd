import { expect, test } from "vitest";
import { FakeCluster } from "../../support/fake-cluster.ts";
import { ALL, JOBS, object, pod, REPLICASETS, DEPLOYMENTS, SQUADS } from "../../support/objects.ts";
import { startWatch, states } from "../support/watch-fixture.ts";
import { train } from "../support/team.ts";

test("a root without a kind owns pods through any chain of owners, also through references that do not control", async () => {
  const cluster = new FakeCluster(ALL);
  const squad = object(SQUADS, "blue", { owner: train, controller: false });
  const deployment = object(DEPLOYMENTS, "web", { owner: squad });
  const set = object(REPLICASETS, "web-1", { owner: deployment });
  cluster.put(
    train,
    squad,
    deployment,
    set,
    pod("web-1-a", { owner: set }),
    pod("stranger", { owner: object(JOBS, "j") }),
  );
  await using fixture = startWatch({ cluster, kind: undefined });
  const resolution = await fixture.watch.ready;
  expect(states(resolution)).toEqual(["web-1-a=current"]);
  expect(resolution.kind).toBeUndefined();
  expect(resolution.members[0]?.owners.map((owner) => owner.kind)).toEqual(["ReplicaSet", "Deployment", "Squad"]);
  expect(resolution.problems).toEqual([]);
  // A new pod behind a kind that was not met so far.
  const job = object(JOBS, "extra", { owner: squad });
  cluster.put(job, pod("extra-a", { owner: job }));
  await fixture.until((one) => one.members.length === 2);
});

/** A Job of two pods beside a pod of a Squad, which the Job may or may not own. */
function jobBesideSquad({ isOwned }: { readonly isOwned: boolean }): FakeCluster {
  const cluster = new FakeCluster(ALL);
  const job = object(JOBS, "train");
  const squad = object(SQUADS, "blue", isOwned ? { owner: job } : {});
  cluster.put(
    job,
    squad,
    pod("train-0", { owner: job }),
    pod("train-1", { owner: job }),
    pod("blue-0", { owner: squad }),
  );
  return cluster;
}

const OUTAGES = ["failing", "throttled", "busy", "unreachable", "silent"] as const;

test.each(OUTAGES)(
  "an owner kind of a foreign pod whose list is %s does not hold up the root's own pods",
  async (how) => {
    const cluster = jobBesideSquad({ isOwned: false });
    cluster.setFailure(SQUADS, how);
    await using fixture = startWatch({ cluster, kind: undefined, resource: JOBS });
    const first = await fixture.watch.ready;
    expect(states(first)).toEqual(["train-0=current", "train-1=current"]);
    expect(first.problems.map(({ message }) => message)).toEqual([
      expect.stringMatching(
        /; pods that job\/train owns through squads\.squads\.example\.com are left out until it can be read$/,
      ),
    ]);
    const requests = (): number => cluster.requests.filter(({ path }) => path.endsWith("/squads")).length;
    if (how !== "silent") while (requests() < 5) await new Promise((resolve) => setImmediate(resolve));
    expect(new Set(fixture.resolutions.flatMap(({ problems }) => problems)).size).toBe(1);
  },
);

test.each(OUTAGES)("an owner kind whose discovery is %s does not hold up the root's own pods", async (how) => {
  const cluster = jobBesideSquad({ isOwned: false });
  cluster.setDiscoveryFailure(SQUADS.group, how);
  await using fixture = startWatch({ cluster, kind: undefined, resource: JOBS });
  const first = await fixture.watch.ready;
  expect(states(first)).toEqual(["train-0=current", "train-1=current"]);
  expect(first.problems.map(({ message }) => message)).toEqual([
    expect.stringMatching(/; pods that Squad objects own are left out until it can be discovered$/),
  ]);
});

test.each(OUTAGES.filter((how) => how !== "silent"))(
  "a pod behind an owner kind whose list is %s joins when the list can be read",
  async (how) => {
    const cluster = jobBesideSquad({ isOwned: true });
    cluster.setFailure(SQUADS, how);
    await using fixture = startWatch({ cluster, kind: undefined, resource: JOBS });
    expect(states(await fixture.watch.ready)).toEqual(["train-0=current", "train-1=current"]);
    cluster.setFailure(SQUADS, undefined);
    const resolution = await fixture.until((one) => one.members.length === 3);
    expect(states(resolution)).toContain("blue-0=current");
    expect(resolution.problems).toEqual([]);
  },
);

test("a pod behind an owner kind that cannot be discovered joins when it can be", async () => {
  const cluster = jobBesideSquad({ isOwned: true });
  cluster.setDiscoveryFailure(SQUADS.group, "busy");
  await using fixture = startWatch({ cluster, kind: undefined, resource: JOBS });
  const first = await fixture.watch.ready;
  expect(first.problems.map((problem) => problem.code)).toEqual(["KINSYNC_CLUSTER_BUSY"]);
  cluster.setDiscoveryFailure(SQUADS.group, undefined);
  const resolution = await fixture.until((one) => one.members.length === 3);
  expect(resolution.problems).toEqual([]);
});

test("an outage of an owner kind that ends within the wait leaves no problem and no pod out", async () => {
  const cluster = jobBesideSquad({ isOwned: true });
  cluster.setFailure(SQUADS, "busy");
  await using fixture = startWatch({ cluster, kind: undefined, resource: JOBS, ownerKindWaitMs: 60_000 });
  await cluster.nextRequest(({ path }) => path.endsWith("/squads"));
  await cluster.nextRequest(({ path }) => path.endsWith("/squads"));
  cluster.setFailure(SQUADS, undefined);
  expect((await fixture.watch.ready).members).toHaveLength(3);
  expect(fixture.resolutions).toHaveLength(1);
  expect(fixture.resolutions[0]?.problems).toEqual([]);
});

test("an owner kind that the cluster no longer serves is a problem at once", async () => {
  const cluster = new FakeCluster(ALL.filter((resource) => resource !== SQUADS));
  const job = object(JOBS, "train");
  cluster.put(job, pod("train-0", { owner: job }), pod("blue-0", { owner: object(SQUADS, "blue") }));
  await using fixture = startWatch({ cluster, kind: undefined, resource: JOBS, ownerKindWaitMs: 60_000 });
  const first = await fixture.watch.ready;
  expect(states(first)).toEqual(["train-0=current"]);
  expect(first.problems.map((problem) => problem.code)).toEqual(["KINSYNC_RESOLVE_KIND"]);
});

test("an owner kind that may not be read is named, with the rule", async () => {
  const cluster = new FakeCluster(ALL);
  const squad = object(SQUADS, "blue", { owner: train });
  cluster.put(train, squad, pod("a", { owner: squad }));
  cluster.setFailure(SQUADS, "forbidden");
  await using fixture = startWatch({ cluster, kind: undefined });
  const resolution = await fixture.watch.ready;
  expect(resolution.problems[0]?.hint).toContain('resources: ["squads"]');
  cluster.setFailure(SQUADS, undefined);
  await fixture.until((one) => one.members.length === 1 && one.problems.length === 0);
});
