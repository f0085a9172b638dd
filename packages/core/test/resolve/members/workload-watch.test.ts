import { expect, test } from "vitest";
import type { KindPlugin, KubeObject, WatchPlan } from "../../../src/contract/index.ts";
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
  REPLICASETS,
  DEPLOYMENTS,
  SQUADS,
  STATEFULSETS,
  teamKind,
  TEAMS,
} from "../../support/objects.ts";
import { startWorld, states } from "../support/environment.ts";

const train = object(TEAMS, "train", { status: { attempt: 1 } });
const head = object(JOBS, "train-head", { owner: train, labels: { attempt: "1" } });
const worker = object(JOBS, "train-worker", { owner: train, labels: { attempt: "1" } });
const headPod = pod("train-head-0", { owner: head, labels: { role: "head", index: "0" } });
const workerPods = [0, 1, 2, 10].map((index) =>
  pod(`train-worker-${index}`, { owner: worker, labels: { role: "worker", index: String(index) } }),
);

function fullCluster(): FakeCluster {
  const cluster = new FakeCluster(ALL);
  cluster.put(train, head, worker, headPod, ...workerPods);
  return cluster;
}

test("sibling Jobs are all members, whichever is newest; sorted by role and number", async () => {
  await using world = startWorld({ cluster: fullCluster(), kind: teamKind() });
  const resolution = await world.watch.ready;
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
  expect(world.told).toHaveLength(1);
  expect(world.watch.current).toBe(resolution);
});

test("a stranger with the same labels and name prefix is no member", async () => {
  const cluster = fullCluster();
  cluster.put(pod("train-head-1", { labels: { role: "head", index: "1" } }));
  const other = object(TEAMS, "other", { uid: "uid-other" });
  cluster.put(other, object(JOBS, "other-head", { owner: other, labels: { attempt: "1" } }));
  cluster.put(pod("train-worker-3", { owner: object(JOBS, "other-head"), labels: { role: "worker" } }));
  await using world = startWorld({ cluster, kind: teamKind() });
  expect(states(await world.watch.ready)).toHaveLength(5);
});

test("a workload that does not exist yet has no members, and is followed when it comes", async () => {
  await using world = startWorld({ kind: teamKind() });
  const first = await world.watch.ready;
  expect(first).toMatchObject({ root: undefined, members: [], problems: [] });
  world.cluster.put(train, head, headPod);
  const resolution = await world.until((one) => one.members.length > 0);
  expect(states(resolution)).toEqual(["train-head-0=current"]);
});

test("a restart of the attempt: pods of the old one are superseded, then gone", async () => {
  await using world = startWorld({ cluster: fullCluster(), kind: teamKind() });
  await world.watch.ready;
  world.cluster.put({ ...train, status: { attempt: 2 } });
  const resolution = await world.until((one) => one.members.every((member) => member.state === "superseded"));
  expect(resolution.members).toHaveLength(5);
  for (const one of [headPod, ...workerPods]) world.cluster.delete(one);
  await world.until((one) => one.members.length === 0);
});

test("deleted and applied again under its name: the new UID is followed, pods of the old one are none of it", async () => {
  await using world = startWorld({ cluster: fullCluster(), kind: teamKind() });
  await world.watch.ready;
  world.cluster.delete(train);
  await world.until((one) => one.root === undefined && one.members.length === 0);
  const again = object(TEAMS, "train", { uid: "uid-again", status: { attempt: 0 } });
  const newJob = object(JOBS, "train-head", { uid: "uid-head-again", owner: again });
  world.cluster.put(again, newJob, pod("train-head-0", { uid: "uid-pod-again", owner: newJob }));
  const resolution = await world.until((one) => one.members.length > 0);
  expect(resolution.root?.metadata.uid).toBe("uid-again");
  expect(resolution.members.map((member) => member.uid)).toEqual(["uid-pod-again"]);
});

test("the same in one burst that the watch saw nothing of", async () => {
  await using world = startWorld({ cluster: fullCluster(), kind: teamKind() });
  await world.watch.ready;
  const again = object(TEAMS, "train", { uid: "uid-again", status: { attempt: 1 } });
  world.cluster.behindTheBack(() => world.cluster.put(again));
  world.cluster.compact();
  world.cluster.drop();
  const resolution = await world.until((one) => one.root?.metadata.uid === "uid-again");
  expect(resolution.members).toEqual([]);
});

test("a pod that came back under its name is another member", async () => {
  await using world = startWorld({ cluster: fullCluster(), kind: teamKind() });
  await world.watch.ready;
  world.cluster.put(pod("train-head-0", { uid: "uid-new", owner: head, labels: { role: "head", index: "0" } }));
  const resolution = await world.until((one) => one.members.some((member) => member.uid === "uid-new"));
  expect(resolution.members).toHaveLength(5);
});

test("labels that change on a live pod are judged anew", async () => {
  await using world = startWorld({ cluster: fullCluster(), kind: teamKind() });
  await world.watch.ready;
  world.cluster.put(pod("train-head-0", { owner: head, labels: { role: "boss", index: "0" } }));
  const resolution = await world.until((one) => one.members.some((member) => member.role === "boss"));
  expect(resolution.members).toHaveLength(5);
});

test("an orphaned pod leaves the members", async () => {
  await using world = startWorld({ cluster: fullCluster(), kind: teamKind() });
  await world.watch.ready;
  world.cluster.put(pod("train-head-0", { labels: { role: "head", index: "0" } }));
  const resolution = await world.until((one) => one.members.length === 4);
  expect(states(resolution)).not.toContain("train-head-0=current");
});

test("an owner that goes takes its pods out, though they still run", async () => {
  await using world = startWorld({ cluster: fullCluster(), kind: teamKind() });
  await world.watch.ready;
  world.cluster.delete(worker);
  const resolution = await world.until((one) => one.members.length === 1);
  expect(states(resolution)).toEqual(["train-head-0=current"]);
});

test("one pod's event asks the kind about that pod alone", async () => {
  const asked: string[] = [];
  const plain = teamKind();
  const kind: KindPlugin = {
    ...plain,
    judge: (view) => {
      asked.push("judge");
      const judgement = plain.judge(view);
      return {
        pod: (owned) => {
          asked.push(owned.pod.metadata.name);
          return judgement.pod(owned);
        },
      };
    },
  };
  await using world = startWorld({ cluster: fullCluster(), kind });
  await world.watch.ready;
  asked.length = 0;
  world.cluster.put(pod("train-head-0", { owner: head, labels: { role: "head", index: "7" } }));
  await world.until((one) => one.members.some((member) => member.index === "7"));
  expect(asked).toEqual(["train-head-0"]);
});

test("the first answer reports all members as changes, one pod's event reports that pod alone", async () => {
  await using world = startWorld({ cluster: fullCluster(), kind: teamKind() });
  const first = await world.watch.ready;
  expect(world.changes[0]?.map(({ before, after }) => [before, after?.name])).toEqual(
    expect.arrayContaining(first.members.map(({ name }) => [undefined, name])),
  );
  world.cluster.put(pod("train-head-0", { owner: head, labels: { role: "head", index: "7" } }));
  await world.until((one) => one.members.some((member) => member.index === "7"));
  const changes = world.changes.at(-1);
  expect(changes?.map(({ before, after }) => [before?.index, after?.index])).toEqual([["0", "7"]]);
});

test("a change of the root that concerns no member reports no changes", async () => {
  await using world = startWorld({ cluster: fullCluster(), kind: teamKind() });
  await world.watch.ready;
  world.cluster.put({ ...train, status: { attempt: 1, ready: 5 } });
  await world.until((one) => one.root?.status?.["ready"] === 5);
  expect(world.changes.at(-1)).toEqual([]);
});

test("another root under the name: its members come, those of the former root go", async () => {
  await using world = startWorld({ cluster: fullCluster(), kind: teamKind() });
  await world.watch.ready;
  const again = object(TEAMS, "train", { uid: "uid-again", status: { attempt: 1 } });
  const job = object(JOBS, "train-head", { uid: "uid-head-again", owner: again, labels: { attempt: "1" } });
  world.cluster.put(again, job, pod("again-0", { owner: job }));
  await world.until((one) => one.members[0]?.name === "again-0");
  const all = world.changes.slice(1).flat();
  expect(all.filter(({ after }) => after === undefined)).toHaveLength(5);
  expect(all.filter(({ before }) => before === undefined).map(({ after }) => after?.name)).toEqual(["again-0"]);
});

test("a kind that judges the whole set sees all pods at every event", async () => {
  const seen: number[] = [];
  const kind = teamKind({
    judgesSet: true,
    judge: ({ pods }) => {
      seen.push(pods.length);
      const newest = pods
        .map(({ pod }) => pod.metadata.uid)
        .sort()
        .at(-1);
      return {
        pod: ({ pod }) => ({
          state: pod.metadata.uid === newest ? "current" : "superseded",
          reason: { code: "count", message: `one of ${pods.length}` },
        }),
      };
    },
  });
  await using world = startWorld({ cluster: fullCluster(), kind });
  await world.watch.ready;
  world.cluster.put(pod("z", { owner: head }));
  const resolution = await world.until((one) => one.members.length === 6);
  expect(resolution.members.filter((member) => member.state === "current").map((member) => member.name)).toEqual(["z"]);
  expect(seen.at(-1)).toBe(6);
});

test("unsettled keeps the last answer of that pod, and has none for a new one", async () => {
  await using world = startWorld({ cluster: fullCluster(), kind: teamKind() });
  await world.watch.ready;
  world.cluster.put({ ...train, status: { attempt: 1, settled: false } });
  world.cluster.put(pod("train-head-1", { owner: head, labels: { role: "head", index: "1" } }));
  const resolution = await world.until((one) => one.members.some((member) => member.name === "train-head-1"));
  const byName = new Map(resolution.members.map((member) => [member.name, member]));
  expect(byName.get("train-head-0")).toMatchObject({
    state: "current",
    unsettled: true,
    role: "head",
    reason: { code: "unsettled" },
  });
  expect(byName.get("train-head-1")).toMatchObject({ state: "unsettled", unsettled: true });
});

test("a pod that ended while the kind cannot tell is not kept as current", async () => {
  const kind = teamKind({
    judge: ({ root }) => ({
      pod: () =>
        root.status?.["settled"] === false
          ? { state: "unsettled", reason: { code: "u", message: "m" } }
          : { state: "current", reason: { code: "c", message: "m" } },
    }),
  });
  await using world = startWorld({ cluster: fullCluster(), kind });
  await world.watch.ready;
  world.cluster.put({ ...train, status: { settled: false } });
  world.cluster.put(pod("train-head-0", { owner: head, deleting: true }));
  const resolution = await world.until((one) => one.members[0]?.pod.metadata.deletionTimestamp !== undefined);
  expect(resolution.members[0]).toMatchObject({ name: "train-head-0", state: "terminating", unsettled: false });
});

test("the memory of a pod UID ends with the pod", async () => {
  await using world = startWorld({ cluster: fullCluster(), kind: teamKind() });
  await world.watch.ready;
  world.cluster.delete(headPod);
  await world.until((one) => one.members.length === 4);
  world.cluster.put({ ...train, status: { attempt: 1, settled: false } });
  world.cluster.put(headPod);
  const resolution = await world.until((one) => one.members.length === 5);
  expect(resolution.members[0]).toMatchObject({ name: "train-head-0", state: "unsettled" });
});

test("watches are asked for again when the root changes; the last answer holds until the new ones are there", async () => {
  const kind = teamKind({
    watches: (root): WatchPlan => ({
      watches: [{ resource: JOBS }],
      pods: { labelSelector: `app=${String(root.spec?.["app"])}` },
    }),
  });
  const cluster = new FakeCluster(ALL);
  const root = object(TEAMS, "train", { spec: { app: "a" } });
  cluster.put(root, head);
  cluster.put(pod("a-0", { owner: head, labels: { app: "a" } }), pod("b-0", { owner: head, labels: { app: "b" } }));
  await using world = startWorld({ cluster, kind });
  expect((await world.watch.ready).members.map((member) => member.name)).toEqual(["a-0"]);
  cluster.put({ ...root, spec: { app: "b" } });
  await world.until((one) => one.members.some((member) => member.name === "b-0"));
  expect(world.told.every((one) => one.members.length === 1)).toBe(true);
  // The watch of the old selector is let go.
  expect(world.reflectors.size).toBe(3);
});

test("a suspended workload says so", async () => {
  const cluster = new FakeCluster(ALL);
  cluster.put({ ...train, spec: { suspend: true } });
  await using world = startWorld({ cluster, kind: teamKind() });
  expect((await world.watch.ready).notes).toEqual([{ code: "suspended", message: "the Team is suspended" }]);
});

test("a workload under deletion says so", async () => {
  await using world = startWorld({ cluster: fullCluster(), kind: teamKind() });
  await world.watch.ready;
  world.cluster.put(object(TEAMS, "train", { deleting: true, status: { attempt: 1 } }));
  const resolution = await world.until((one) => one.notes.length > 0);
  expect(resolution.notes).toMatchObject([{ code: "root-terminating" }]);
  expect(resolution.members).toHaveLength(5);
});

test("a forbidden list of Jobs names the rule, and a kind with matchesByLabels selects the pods by their labels", async () => {
  const cluster = fullCluster();
  for (const one of workerPods)
    cluster.put({ ...one, metadata: { ...one.metadata, labels: { team: train.metadata.uid, attempt: "1" } } });
  cluster.trouble(JOBS, "forbidden");
  const kind = teamKind({ matchesByLabels: (root, pod) => pod.metadata.labels?.["team"] === root.metadata.uid });
  await using world = startWorld({ cluster, kind });
  const resolution = await world.watch.ready;
  expect(states(resolution)).toHaveLength(4);
  expect(resolution.members.every((member) => member.by === "labels" && member.state === "current")).toBe(true);
  expect(resolution.problems).toHaveLength(1);
  expect(resolution.problems[0]?.code).toBe("KINSYNC_CLUSTER_FORBIDDEN");
  expect(resolution.problems[0]?.hint).toContain(
    'a Role in namespace ml with the rule { apiGroups: ["batch"], resources: ["jobs"], verbs: ["get", "list", "watch"] }',
  );
  expect(resolution.problems[0]?.message).toContain("selected by their labels");
  // The permission comes: by UID from now on.
  cluster.trouble(JOBS, undefined);
  const better = await world.until((one) => one.problems.length === 0);
  expect(better.members).toHaveLength(5);
  expect(better.members.every((member) => member.by === "owner")).toBe(true);
});

test("Jobs may not be read and the kind has no matchesByLabels: no members, and the reason is named", async () => {
  const cluster = fullCluster();
  cluster.trouble(JOBS, "forbidden");
  await using world = startWorld({ cluster, kind: teamKind() });
  const resolution = await world.watch.ready;
  expect(resolution.members).toEqual([]);
  expect(resolution.problems.map((problem) => problem.code)).toEqual(["KINSYNC_CLUSTER_FORBIDDEN"]);
});

test("an optional watch that cannot be had is no problem; the view names it", async () => {
  const missing: string[][] = [];
  const plain = teamKind();
  const kind: KindPlugin = {
    ...plain,
    watches: () => ({ watches: [{ resource: JOBS }, { resource: SQUADS, optional: true }] }),
    judge: (view) => {
      missing.push(view.missing.map((resource) => resource.plural));
      return plain.judge(view);
    },
  };
  const cluster = fullCluster();
  cluster.trouble(SQUADS, "not-installed");
  await using world = startWorld({ cluster, kind });
  const resolution = await world.watch.ready;
  expect(resolution.problems).toEqual([]);
  expect(resolution.members).toHaveLength(5);
  expect(missing.at(-1)).toEqual(["squads"]);
});

test("a forbidden optional watch is a problem where pods are selected by their labels instead", async () => {
  const cluster = new FakeCluster(ALL);
  cluster.put(train, pod("a", { owner: head, labels: { team: "uid-train" } }));
  cluster.trouble(JOBS, "forbidden");
  const kind = teamKind({
    watches: () => ({ watches: [{ resource: JOBS, optional: true }] }),
    matchesByLabels: (root, pod) => pod.metadata.labels?.["team"] === root.metadata.uid,
  });
  await using world = startWorld({ cluster, kind });
  const resolution = await world.watch.ready;
  expect(resolution.members.map((member) => member.by)).toEqual(["labels"]);
  expect(resolution.problems.map((problem) => problem.code)).toEqual(["KINSYNC_CLUSTER_FORBIDDEN"]);
});

test("the API server is not there: the trouble is told at once, ready waits", async () => {
  const cluster = fullCluster();
  cluster.trouble(TEAMS, "unreachable");
  await using world = startWorld({ cluster, kind: teamKind() });
  const first = await world.until((one) => one.problems.length > 0);
  expect(first.problems[0]?.code).toBe("KINSYNC_CLUSTER_UNREACHABLE");
  cluster.trouble(TEAMS, undefined);
  expect((await world.watch.ready).members).toHaveLength(5);
});

test("a kind that throws is named, and the last answers are kept", async () => {
  const plain = teamKind();
  const kind: KindPlugin = {
    ...plain,
    judge: (view) => {
      if (view.root.status?.["broken"] === true) throw new TypeError("cannot read x of undefined");
      return plain.judge(view);
    },
  };
  await using world = startWorld({ cluster: fullCluster(), kind });
  await world.watch.ready;
  world.cluster.put({ ...train, status: { attempt: 1, broken: true } });
  const resolution = await world.until((one) => one.problems.length > 0);
  expect(resolution.problems[0]).toMatchObject({ code: "KINSYNC_PLUGIN_FAILED", plugin: "team", operation: "judge" });
  expect(resolution.members.every((member) => member.state === "current" && member.unsettled)).toBe(true);
});

test("a kind that gives nonsense for one pod is named with the pod", async () => {
  const kind = teamKind({
    judge: () => ({ pod: () => ({ state: "fine" as "current", reason: { code: "x", message: "y" } }) }),
  });
  const cluster = new FakeCluster(ALL);
  cluster.put(train, head, headPod);
  await using world = startWorld({ cluster, kind });
  const resolution = await world.watch.ready;
  expect(resolution.problems[0]?.message).toContain('returned state "fine" for pod train-head-0');
  expect(states(resolution)).toEqual(["train-head-0=unsettled"]);
});

test("a kind that changes what it sees fails, and nobody else sees the change", async () => {
  const kind = teamKind({
    judge: (view) => {
      (view.root.metadata as { name: string }).name = "mine";
      return { pod: () => ({ state: "current", reason: { code: "x", message: "y" } }) };
    },
  });
  const cluster = new FakeCluster(ALL);
  cluster.put(train);
  await using world = startWorld({ cluster, kind });
  const resolution = await world.watch.ready;
  expect(resolution.problems[0]?.code).toBe("KINSYNC_PLUGIN_FAILED");
  expect(resolution.root?.metadata.name).toBe("train");
});

test("a kind's projection is what it sees, and cannot drop what the walk needs", async () => {
  const seen: KubeObject[] = [];
  const kind = teamKind({
    watches: () => ({
      watches: [
        {
          resource: JOBS,
          project: ({ metadata }) => ({ apiVersion: "", kind: "", metadata: { name: "", uid: metadata.uid } }),
        },
      ],
    }),
    judge: ({ owned }) => {
      seen.push(...owned);
      return { pod: () => ({ state: "current", reason: { code: "x", message: "y" } }) };
    },
  });
  await using world = startWorld({ cluster: fullCluster(), kind });
  expect((await world.watch.ready).members).toHaveLength(5);
  expect(seen[0]).toMatchObject({ kind: "Job", metadata: { name: "train-head" } });
  expect(seen[0]?.metadata.labels).toBeUndefined();
});

test("leader pods own StatefulSets that own workers", async () => {
  const kind = teamKind({
    watches: () => ({ watches: [{ resource: STATEFULSETS }] }),
    judge: () => ({
      pod: ({ owners }) => ({
        state: "current",
        role: owners.length > 1 ? "worker" : "leader",
        reason: { code: "x", message: "y" },
      }),
    }),
  });
  const cluster = new FakeCluster(ALL);
  const leaders = object(STATEFULSETS, "lws", { owner: train });
  const leader = pod("lws-0", { owner: leaders });
  const workers = object(STATEFULSETS, "lws-0", { uid: "uid-workers", owner: leader });
  cluster.put(train, pod("lws-0-1", { owner: workers }), workers);
  await using world = startWorld({ cluster, kind });
  expect((await world.watch.ready).members).toEqual([]);
  // What joins the two comes last.
  cluster.put(leaders);
  cluster.put(leader);
  const resolution = await world.until((one) => one.members.length === 2);
  expect(resolution.members.map((member) => `${member.role}:${member.name}`)).toEqual([
    "leader:lws-0",
    "worker:lws-0-1",
  ]);
  expect(resolution.members[1]?.owners.map((owner) => owner.metadata.uid)).toEqual([
    "uid-workers",
    "uid-lws-0",
    "uid-lws",
  ]);
  cluster.delete(leader);
  await world.until((one) => one.members.length === 0);
});

test("a pod as root is its own only member", async () => {
  const cluster = new FakeCluster(ALL);
  cluster.put(pod("x"), pod("y", { owner: pod("x") }));
  await using world = startWorld({ cluster, kind: undefined, resource: PODS, name: "x" });
  expect(states(await world.watch.ready)).toEqual(["x=current"]);
  cluster.put(pod("x", { deleting: true }));
  await world.until((one) => one.members[0]?.state === "terminating");
  cluster.delete(pod("x"));
  await world.until((one) => one.root === undefined);
  expect(world.watch.current?.members).toEqual([]);
});

test("a root that no kind claims: a chain of CRDs is followed as it is met, also through references that do not control", async () => {
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
  await using world = startWorld({ cluster, kind: undefined });
  const resolution = await world.watch.ready;
  expect(states(resolution)).toEqual(["web-1-a=current"]);
  expect(resolution.kind).toBeUndefined();
  expect(resolution.members[0]?.owners.map((owner) => owner.kind)).toEqual(["ReplicaSet", "Deployment", "Squad"]);
  expect(resolution.problems).toEqual([]);
  // A new pod behind a kind that was not met so far.
  const job = object(JOBS, "extra", { owner: squad });
  cluster.put(job, pod("extra-a", { owner: job }));
  await world.until((one) => one.members.length === 2);
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
    cluster.trouble(SQUADS, how);
    await using world = startWorld({ cluster, kind: undefined, resource: JOBS });
    const first = await world.watch.ready;
    expect(states(first)).toEqual(["train-0=current", "train-1=current"]);
    expect(first.problems.map(({ message }) => message)).toEqual([
      expect.stringMatching(
        /; pods that job\/train owns through squads\.squads\.example\.com are left out until it can be read$/,
      ),
    ]);
    const requests = (): number => cluster.requests.filter(({ path }) => path.endsWith("/squads")).length;
    if (how !== "silent") while (requests() < 5) await new Promise((resolve) => setImmediate(resolve));
    expect(new Set(world.told.flatMap(({ problems }) => problems)).size).toBe(1);
  },
);

test.each(OUTAGES)("an owner kind whose discovery is %s does not hold up the root's own pods", async (how) => {
  const cluster = jobBesideSquad({ isOwned: false });
  cluster.discoveryTrouble(SQUADS.group, how);
  await using world = startWorld({ cluster, kind: undefined, resource: JOBS });
  const first = await world.watch.ready;
  expect(states(first)).toEqual(["train-0=current", "train-1=current"]);
  expect(first.problems.map(({ message }) => message)).toEqual([
    expect.stringMatching(/; pods that Squad objects own are left out until it can be discovered$/),
  ]);
});

test.each(OUTAGES.filter((how) => how !== "silent"))(
  "a pod behind an owner kind whose list is %s joins when the list can be read",
  async (how) => {
    const cluster = jobBesideSquad({ isOwned: true });
    cluster.trouble(SQUADS, how);
    await using world = startWorld({ cluster, kind: undefined, resource: JOBS });
    expect(states(await world.watch.ready)).toEqual(["train-0=current", "train-1=current"]);
    cluster.trouble(SQUADS, undefined);
    const resolution = await world.until((one) => one.members.length === 3);
    expect(states(resolution)).toContain("blue-0=current");
    expect(resolution.problems).toEqual([]);
  },
);

test("a pod behind an owner kind that cannot be discovered joins when it can be", async () => {
  const cluster = jobBesideSquad({ isOwned: true });
  cluster.discoveryTrouble(SQUADS.group, "busy");
  await using world = startWorld({ cluster, kind: undefined, resource: JOBS });
  const first = await world.watch.ready;
  expect(first.problems.map((problem) => problem.code)).toEqual(["KINSYNC_CLUSTER_BUSY"]);
  cluster.discoveryTrouble(SQUADS.group, undefined);
  const resolution = await world.until((one) => one.members.length === 3);
  expect(resolution.problems).toEqual([]);
});

test("an outage of an owner kind that ends within the wait leaves no problem and no pod out", async () => {
  const cluster = jobBesideSquad({ isOwned: true });
  cluster.trouble(SQUADS, "busy");
  await using world = startWorld({ cluster, kind: undefined, resource: JOBS, ownerKindWaitMs: 60_000 });
  await cluster.nextRequest(({ path }) => path.endsWith("/squads"));
  await cluster.nextRequest(({ path }) => path.endsWith("/squads"));
  cluster.trouble(SQUADS, undefined);
  expect((await world.watch.ready).members).toHaveLength(3);
  expect(world.told).toHaveLength(1);
  expect(world.told[0]?.problems).toEqual([]);
});

test("an owner kind that the cluster no longer serves is a problem at once", async () => {
  const cluster = new FakeCluster(ALL.filter((resource) => resource !== SQUADS));
  const job = object(JOBS, "train");
  cluster.put(job, pod("train-0", { owner: job }), pod("blue-0", { owner: object(SQUADS, "blue") }));
  await using world = startWorld({ cluster, kind: undefined, resource: JOBS, ownerKindWaitMs: 60_000 });
  const first = await world.watch.ready;
  expect(states(first)).toEqual(["train-0=current"]);
  expect(first.problems.map((problem) => problem.code)).toEqual(["KINSYNC_RESOLVE_KIND"]);
});

test("an owner kind that may not be read is named, with the rule", async () => {
  const cluster = new FakeCluster(ALL);
  const squad = object(SQUADS, "blue", { owner: train });
  cluster.put(train, squad, pod("a", { owner: squad }));
  cluster.trouble(SQUADS, "forbidden");
  await using world = startWorld({ cluster, kind: undefined });
  const resolution = await world.watch.ready;
  expect(resolution.problems[0]?.hint).toContain('resources: ["squads"]');
  cluster.trouble(SQUADS, undefined);
  await world.until((one) => one.members.length === 1 && one.problems.length === 0);
});

test("a cluster-scoped root owns through a namespaced object", async () => {
  const cluster = new FakeCluster(ALL);
  const root = object(CLUSTER_TEAMS, "all");
  const job = object(JOBS, "j", { owner: root });
  cluster.put(root, job, pod("a", { owner: job }));
  await using world = startWorld({ cluster, kind: undefined, resource: CLUSTER_TEAMS, name: "all" });
  expect(states(await world.watch.ready)).toEqual(["a=current"]);
});

test("two workloads share reflectors; the last one lets go of them", async () => {
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

test("an owner in another namespace never counts", async () => {
  const cluster = fullCluster();
  cluster.put(pod("liar", { namespace: "other", owner: head }));
  const foreign = object(JOBS, "foreign", { namespace: "other", owners: [ownerReference(train)] });
  cluster.put(foreign);
  await using world = startWorld({ cluster, kind: teamKind() });
  expect((await world.watch.ready).members).toHaveLength(5);
});
