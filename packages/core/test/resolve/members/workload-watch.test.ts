import { describe, expect, test } from "vitest";
import { ReflectorPool } from "../../../src/kube/reflector-pool.ts";
import { watchWorkload } from "../../../src/resolve/members/workload-watch.ts";
import { FakeCluster } from "../../support/fake-cluster.ts";
import {
  ALL,
  CLUSTER_TEAMS,
  JOBS,
  NAMESPACE,
  object,
  ownerReference,
  PODS,
  pod,
  teamKind,
  TEAMS,
} from "../../support/objects.ts";
import { startWatch, states } from "../support/watch-fixture.ts";
import { train, head, worker, headPod, workerPods, fullCluster } from "../support/team.ts";

test("sibling Jobs are all members, whichever is newest; sorted by role and number", async () => {
  await using fixture = startWatch({ cluster: fullCluster(), kind: teamKind() });
  const resolution = await fixture.watch.ready;
  expect(states(resolution)).toEqual([
    "train-head-0=current",
    "train-worker-0=current",
    "train-worker-1=current",
    "train-worker-2=current",
    "train-worker-10=current",
  ]);
  expect(resolution.members[0]?.owners.map((owner) => owner.metadata.name)).toEqual(["train-head"]);
  expect(resolution.kind).toBe("team");
  expect(resolution.problems).toEqual([]);
  expect(fixture.resolutions).toHaveLength(1);
  expect(fixture.watch.current).toBe(resolution);
});

test("a pod of another owner with the same labels and name prefix is not a member", async () => {
  const cluster = fullCluster();
  cluster.put(pod("train-head-1", { labels: { role: "head", index: "1" } }));
  const other = object(TEAMS, "other", { uid: "uid-other" });
  cluster.put(other, object(JOBS, "other-head", { owner: other, labels: { attempt: "1" } }));
  cluster.put(pod("train-worker-3", { owner: object(JOBS, "other-head"), labels: { role: "worker" } }));
  await using fixture = startWatch({ cluster, kind: teamKind() });
  expect(states(await fixture.watch.ready)).toHaveLength(5);
});

describe("a root that the caller has read before", () => {
  /** Lists of Teams are answered when the gate opens. */
  function gated(cluster: FakeCluster): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    const request = cluster.request.bind(cluster);
    cluster.request = async (each) => {
      const answer = await request(each);
      if (each.path.endsWith(`/${TEAMS.plural}`)) await promise;
      return answer;
    };
    return resolve;
  }

  test("what it owns is listed before the root is, and reported when it is", async () => {
    const cluster = fullCluster();
    const open = gated(cluster);
    await using fixture = startWatch({ cluster, kind: teamKind(), root: train });
    await expect.poll(() => cluster.watchesOf(PODS)).toBe(1);
    expect(cluster.watchesOf(JOBS)).toBe(1);
    expect(fixture.resolutions).toEqual([]);
    open();
    expect(states(await fixture.watch.ready)).toHaveLength(5);
    expect(fixture.resolutions).toHaveLength(1);
  });

  test.each([
    ["was deleted", undefined, []],
    ["was created again under its name", object(TEAMS, "train", { uid: "uid-again" }), []],
    ["has another state", { ...train, status: { attempt: 2 } }, Array.from({ length: 5 }, () => "superseded")],
  ])("does not count where it %s meanwhile", async (_what, now, expected) => {
    const cluster = fullCluster();
    const open = gated(cluster);
    cluster.delete(train);
    if (now !== undefined) cluster.put(now);
    await using fixture = startWatch({ cluster, kind: teamKind(), root: train });
    await expect.poll(() => cluster.watchesOf(PODS)).toBe(1);
    open();
    const first = await fixture.watch.ready;
    expect(first.root?.metadata.uid).toBe(now?.metadata.uid);
    expect(first.members.map(({ state }) => state)).toEqual(expected);
    expect(fixture.resolutions).toHaveLength(1);
  });

  test("does not count where it may not be listed", async () => {
    const cluster = fullCluster();
    cluster.setFailure(TEAMS, "forbidden");
    await using fixture = startWatch({ cluster, kind: teamKind(), root: train });
    const first = await fixture.watch.ready;
    expect(first.members).toEqual([]);
    expect(first.problems).toHaveLength(1);
  });
});

test("a workload that does not exist yet has no members until it is created", async () => {
  await using fixture = startWatch({ kind: teamKind() });
  const first = await fixture.watch.ready;
  expect(first).toMatchObject({ root: undefined, members: [], problems: [] });
  fixture.cluster.put(train, head, headPod);
  const resolution = await fixture.until((one) => one.members.length > 0);
  expect(states(resolution)).toEqual(["train-head-0=current"]);
});

test("a new attempt supersedes the pods of the old one until they are deleted", async () => {
  await using fixture = startWatch({ cluster: fullCluster(), kind: teamKind() });
  await fixture.watch.ready;
  fixture.cluster.put({ ...train, status: { attempt: 2 } });
  const resolution = await fixture.until((one) => one.members.every((member) => member.state === "superseded"));
  expect(resolution.members).toHaveLength(5);
  for (const one of [headPod, ...workerPods]) fixture.cluster.delete(one);
  await fixture.until((one) => one.members.length === 0);
});

test("a workload that is deleted and created again under its name owns only its new pods", async () => {
  await using fixture = startWatch({ cluster: fullCluster(), kind: teamKind() });
  await fixture.watch.ready;
  fixture.cluster.delete(train);
  await fixture.until((one) => one.root === undefined && one.members.length === 0);
  const again = object(TEAMS, "train", { uid: "uid-again", status: { attempt: 0 } });
  const newJob = object(JOBS, "train-head", { uid: "uid-head-again", owner: again });
  fixture.cluster.put(again, newJob, pod("train-head-0", { uid: "uid-pod-again", owner: newJob }));
  const resolution = await fixture.until((one) => one.members.length > 0);
  expect(resolution.root?.metadata.uid).toBe("uid-again");
  expect(resolution.members.map((member) => member.uid)).toEqual(["uid-pod-again"]);
});

test("a workload that is replaced under its name while the watch is down owns only its new pods", async () => {
  await using fixture = startWatch({ cluster: fullCluster(), kind: teamKind() });
  await fixture.watch.ready;
  const again = object(TEAMS, "train", { uid: "uid-again", status: { attempt: 1 } });
  fixture.cluster.missEvents(() => fixture.cluster.put(again));
  fixture.cluster.compact();
  fixture.cluster.drop();
  const resolution = await fixture.until((one) => one.root?.metadata.uid === "uid-again");
  expect(resolution.members).toEqual([]);
});

test("a pod that is created again under its name is another member", async () => {
  await using fixture = startWatch({ cluster: fullCluster(), kind: teamKind() });
  await fixture.watch.ready;
  fixture.cluster.put(pod("train-head-0", { uid: "uid-new", owner: head, labels: { role: "head", index: "0" } }));
  const resolution = await fixture.until((one) => one.members.some((member) => member.uid === "uid-new"));
  expect(resolution.members).toHaveLength(5);
});

test("a pod whose labels change is judged again", async () => {
  await using fixture = startWatch({ cluster: fullCluster(), kind: teamKind() });
  await fixture.watch.ready;
  fixture.cluster.put(pod("train-head-0", { owner: head, labels: { role: "boss", index: "0" } }));
  const resolution = await fixture.until((one) => one.members.some((member) => member.role === "boss"));
  expect(resolution.members).toHaveLength(5);
});

test("an orphaned pod is no longer a member", async () => {
  await using fixture = startWatch({ cluster: fullCluster(), kind: teamKind() });
  await fixture.watch.ready;
  fixture.cluster.put(pod("train-head-0", { labels: { role: "head", index: "0" } }));
  const resolution = await fixture.until((one) => one.members.length === 4);
  expect(states(resolution)).not.toContain("train-head-0=current");
});

test("running pods of a deleted owner are no longer members", async () => {
  await using fixture = startWatch({ cluster: fullCluster(), kind: teamKind() });
  await fixture.watch.ready;
  fixture.cluster.delete(worker);
  const resolution = await fixture.until((one) => one.members.length === 1);
  expect(states(resolution)).toEqual(["train-head-0=current"]);
});

test("an owner in another namespace is ignored", async () => {
  const cluster = fullCluster();
  cluster.put(pod("liar", { namespace: "other", owner: head }));
  const foreign = object(JOBS, "foreign", { namespace: "other", owners: [ownerReference(train)] });
  cluster.put(foreign);
  await using fixture = startWatch({ cluster, kind: teamKind() });
  expect((await fixture.watch.ready).members).toHaveLength(5);
});

test("a pod as root is its own only member", async () => {
  const cluster = new FakeCluster(ALL);
  cluster.put(pod("x"), pod("y", { owner: pod("x") }));
  await using fixture = startWatch({ cluster, kind: undefined, resource: PODS, name: "x" });
  expect(states(await fixture.watch.ready)).toEqual(["x=current"]);
  cluster.put(pod("x", { deleting: true }));
  await fixture.until((one) => one.members[0]?.state === "terminating");
  cluster.delete(pod("x"));
  await fixture.until((one) => one.root === undefined);
  expect(fixture.watch.current?.members).toEqual([]);
});

test("a cluster-scoped root owns through a namespaced object", async () => {
  const cluster = new FakeCluster(ALL);
  const root = object(CLUSTER_TEAMS, "all");
  const job = object(JOBS, "j", { owner: root });
  cluster.put(root, job, pod("a", { owner: job }));
  await using fixture = startWatch({ cluster, kind: undefined, resource: CLUSTER_TEAMS, name: "all" });
  expect(states(await fixture.watch.ready)).toEqual(["a=current"]);
});

test("a suspended workload has a note", async () => {
  const cluster = new FakeCluster(ALL);
  cluster.put({ ...train, spec: { suspend: true } });
  await using fixture = startWatch({ cluster, kind: teamKind() });
  expect((await fixture.watch.ready).notes).toEqual([{ code: "suspended", message: "the Team is suspended" }]);
});

test("a workload that is being deleted has a note", async () => {
  await using fixture = startWatch({ cluster: fullCluster(), kind: teamKind() });
  await fixture.watch.ready;
  fixture.cluster.put(object(TEAMS, "train", { deleting: true, status: { attempt: 1 } }));
  const resolution = await fixture.until((one) => one.notes.length > 0);
  expect(resolution.notes).toMatchObject([{ code: "root-terminating" }]);
  expect(resolution.members).toHaveLength(5);
});

test("two workloads share reflectors, and the last one releases them", async () => {
  const cluster = fullCluster();
  const reflectors = new ReflectorPool({ cluster });
  const { signal } = new AbortController();
  const start = (name: string) =>
    watchWorkload({
      cluster,
      reflectors,
      ref: { resource: TEAMS, namespace: NAMESPACE, name },
      kind: teamKind(),
      kinds: [],
      signal,
    });
  cluster.put(object(TEAMS, "other"));
  const one = start("train");
  const two = start("other");
  await Promise.all([one.ready, two.ready]);
  expect(reflectors.size).toBe(4);
  await one[Symbol.asyncDispose]();
  expect(reflectors.size).toBe(3);
  await two[Symbol.asyncDispose]();
  expect(reflectors.size).toBe(0);
  await reflectors[Symbol.asyncDispose]();
  expect(cluster.openWatches).toBe(0);
});

test("an abort ends the watch and rejects ready with its reason", async () => {
  const cluster = fullCluster();
  const reflectors = new ReflectorPool({ cluster });
  const controller = new AbortController();
  const watch = watchWorkload({
    cluster,
    reflectors,
    ref: { resource: TEAMS, namespace: NAMESPACE, name: "train" },
    kind: teamKind(),
    kinds: [],
    signal: controller.signal,
  });
  const reason = new Error("enough");
  controller.abort(reason);
  await expect(watch.ready).rejects.toBe(reason);
  expect(reflectors.size).toBe(0);
  await reflectors[Symbol.asyncDispose]();
});
