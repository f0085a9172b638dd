import { expect, test } from "vitest";
import type { KubeObject } from "../../../src/contract/index.ts";
import { explainWorkload, resolveOnce, type ExplainedPod } from "../../../src/resolve/report/explain.ts";
import { ReflectorPool } from "../../../src/kube/reflector-pool.ts";
import { treeOf } from "../../../src/resolve/report/member-tree.ts";
import { FakeCluster } from "../../support/fake-cluster.ts";
import { ALL, JOBS, NAMESPACE, object, ownerReference, pod, teamKind, TEAMS } from "../../support/objects.ts";

const train = object(TEAMS, "train", {
  uid: "uid-now",
  spec: { selector: { matchLabels: { app: "web" } } },
  status: { attempt: 0 },
});
const job = object(JOBS, "train-head", { uid: "uid-job-now", owner: train });

async function explained(...strangers: readonly KubeObject[]): Promise<Map<string, ExplainedPod>> {
  const cluster = new FakeCluster(ALL);
  cluster.put(train, job, pod("train-head-0", { owner: job, labels: { app: "web" } }), ...strangers);
  await using reflectors = new ReflectorPool({ cluster });
  const explanation = await explainWorkload({
    cluster,
    reflectors,
    ref: { resource: TEAMS, namespace: NAMESPACE, name: "train" },
    kind: teamKind(),
    kinds: [],
    signal: new AbortController().signal,
  });
  return new Map(explanation.members.map((member) => [member.pod, member]));
}

test("a member is explained with its reason, evidence and targets", async () => {
  const pods = await explained();
  expect(pods.get("train-head-0")).toMatchObject({
    state: "current",
    code: "attempt-equal",
    evidence: { "status.attempt": 0 },
    matches: ["owner", "label", "name"],
    owners: [{ kind: "Job", name: "train-head", uid: "uid-job-now" }],
    targets: [{ container: "main", containerId: "containerd://train-head-0", status: "running" }],
  });
});

test("a pod with the workload's labels and another owner is foreign, with its owners", async () => {
  const other = object(TEAMS, "other");
  const otherJob = object(JOBS, "other-a", { owner: other });
  const pods = await explained(other, otherJob, pod("other-a-0", { owner: otherJob, labels: { app: "web" } }));
  expect(pods.get("other-a-0")).toMatchObject({
    state: "foreign",
    code: "owned-by-another",
    reason: "matches app=web, but is owned by Job other-a (uid uid-other-a) of Team other",
    matches: ["label"],
    targets: [],
  });
});

test("a pod with the workload's labels and no owner is foreign", async () => {
  const pods = await explained(pod("debug-copy", { labels: { app: "web" } }));
  expect(pods.get("debug-copy")).toMatchObject({ state: "foreign", reason: "matches app=web, but has no owner" });
});

test("a pod of a deleted object with the workload's name is foreign, with both UIDs", async () => {
  const former = ownerReference(object(JOBS, "train-head", { uid: "uid-job-then" }));
  const pods = await explained(pod("train-head-1", { owners: [former] }));
  expect(pods.get("train-head-1")).toMatchObject({
    state: "foreign",
    code: "owner-is-former",
    matches: ["owner", "name"],
  });
  expect(pods.get("train-head-1")?.reason).toContain("uid-job-then");
  expect(pods.get("train-head-1")?.reason).toContain("the current one has uid uid-job-now");
});

test("a pod with an owner reference that does not control is foreign where the kind requires a controller", async () => {
  const pods = await explained(pod("guest", { owners: [ownerReference(job, false)] }));
  expect(pods.get("guest")).toMatchObject({ state: "foreign", code: "reference-does-not-control" });
});

test("a pod whose name begins with the workload's is foreign; a pod without a match is not listed", async () => {
  const pods = await explained(
    pod("train-notebook"),
    pod("trainer"),
    pod("web-0"),
    pod("named", { labels: { x: "train" } }),
  );
  expect([...pods.keys()]).toEqual(["train-head-0", "named", "train-notebook"]);
  expect(pods.get("named")?.reason).toBe("matches x=train, but has no owner");
});

test("a resolution that takes too long is an error with its cause", async () => {
  const cluster = new FakeCluster(ALL);
  cluster.setFailure(TEAMS, "unreachable");
  await using reflectors = new ReflectorPool({ cluster, timing: { retry: { min: 1, max: 2 } } });
  const answer = resolveOnce({
    cluster,
    reflectors,
    ref: { resource: TEAMS, namespace: NAMESPACE, name: "train" },
    kind: teamKind(),
    kinds: [],
    signal: new AbortController().signal,
    limit: 50,
  });
  await expect(answer).rejects.toMatchObject({ code: "KINSYNC_CLUSTER_UNREACHABLE" });
});

test("the tree has the documented fields", async () => {
  const cluster = new FakeCluster(ALL);
  const waiting = {
    phase: "Pending",
    containerStatuses: [{ name: "main", state: { waiting: { reason: "ImagePullBackOff" } } }],
  };
  cluster.put(
    train,
    job,
    pod("b", { owner: job, labels: { role: "head", index: "0" } }),
    pod("a", { owner: job, labels: { role: "worker", index: "1" }, status: waiting }),
    pod("gone", { owner: job, deleting: true }),
  );
  await using reflectors = new ReflectorPool({ cluster });
  const ref = { resource: TEAMS, namespace: NAMESPACE, name: "train" };
  const resolution = await resolveOnce({
    cluster,
    reflectors,
    ref,
    kind: teamKind(),
    kinds: [],
    signal: new AbortController().signal,
  });
  const tree = JSON.parse(JSON.stringify(treeOf(resolution))) as unknown;
  expect(tree).toEqual({
    workload: {
      kind: "Team",
      name: "train",
      namespace: NAMESPACE,
      uid: "uid-now",
      rule: "team",
      notes: [],
      problems: [],
    },
    members: [
      {
        pod: "gone",
        labels: {},
        uid: "uid-gone",
        state: "terminating",
        unsettled: false,
        code: "pod-terminating",
        reason: "the pod is being deleted",
        by: "owner",
        targets: [],
      },
      {
        pod: "b",
        uid: "uid-b",
        state: "current",
        unsettled: false,
        role: "head",
        index: "0",
        labels: {},
        code: "attempt-equal",
        reason: "its Job is of attempt 0, the Team is at 0",
        by: "owner",
        targets: [{ container: "main", containerId: "containerd://b", status: "running", shared: [] }],
      },
      {
        pod: "a",
        uid: "uid-a",
        state: "current",
        unsettled: false,
        role: "worker",
        index: "1",
        labels: {},
        code: "attempt-equal",
        reason: "its Job is of attempt 0, the Team is at 0",
        by: "owner",
        targets: [{ container: "main", status: "waiting", reason: "waiting: ImagePullBackOff", shared: [] }],
      },
    ],
  });
});
