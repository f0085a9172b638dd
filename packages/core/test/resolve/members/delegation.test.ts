import { expect, test } from "vitest";
import { defineKind, delegatedVerdict, type KindPlugin, type KubeObject } from "../../../src/contract/index.ts";
import { deployment } from "../../../../kind-deployment/src/index.ts";
import { jobset } from "../../../../kind-jobset/src/index.ts";
import type { Resolution } from "../../../src/resolve/resolution.ts";
import { selectContainer } from "../../../src/resolve/select/containers.ts";
import { FakeCluster } from "../../support/fake-cluster.ts";
import { DEPLOYMENTS, JOBS, object, ownerReference, pod, PODS, REPLICASETS } from "../../support/objects.ts";
import { startWorld, states, type WorldOptions } from "../support/environment.ts";
import { JOBSETS, LABS, parentKind, STUDIOS, TRAIN_JOBS, unsettled } from "../support/parents.ts";

const SERVED = [PODS, JOBS, JOBSETS, TRAIN_JOBS, STUDIOS, LABS, DEPLOYMENTS, REPLICASETS];
const HEAD = { "jobset.sigs.k8s.io/replicatedjob-name": "head" };

const trainJob = object(TRAIN_JOBS, "train");
const trainJobKind = parentKind(TRAIN_JOBS, JOBSETS);

function jobSet(restarts: number, parts: { readonly uid?: string; readonly owner?: KubeObject } = {}): KubeObject {
  return object(JOBSETS, "train", {
    uid: "uid-jobset",
    owner: trainJob,
    ...parts,
    spec: { replicatedJobs: [{ name: "head", replicas: 1 }] },
    status: { restarts },
  });
}

/** The Job and the pod of one attempt. */
function attempt(number: number, owner: KubeObject): readonly [KubeObject, KubeObject] {
  const labels = {
    ...HEAD,
    "jobset.sigs.k8s.io/jobset-name": "train",
    "jobset.sigs.k8s.io/job-index": "0",
    "jobset.sigs.k8s.io/restart-attempt": String(number),
  };
  const job = object(JOBS, "train-head-0", { uid: `${owner.metadata.uid}-job-${number}`, owner, labels });
  return [job, pod(`head-${number}`, { uid: `${owner.metadata.uid}-pod-${number}`, owner: job, labels })];
}

function trainCluster(): FakeCluster {
  const cluster = new FakeCluster(SERVED);
  cluster.put(trainJob, jobSet(0), ...attempt(0, jobSet(0)));
  return cluster;
}

function startTrainJob(options: Partial<WorldOptions> = {}) {
  return startWorld({
    cluster: trainCluster(),
    kind: trainJobKind,
    kinds: [trainJobKind, jobset()],
    resource: TRAIN_JOBS,
    ...options,
  });
}

function codes(resolution: Resolution | undefined): string[] {
  return (resolution?.members ?? []).map((member) => `${member.name}=${member.reason.code}`);
}

test("a TrainJob's pods are judged by the kind of its JobSet, with roles, indexes and owners", async () => {
  await using world = startTrainJob();
  const resolution = await world.watch.ready;
  expect(resolution.members).toMatchObject([
    { name: "head-0", state: "current", role: "head", index: "0", reason: { code: "in-attempt" } },
  ]);
  expect(resolution.members[0]?.owners.map(({ kind }) => kind)).toEqual(["Job", "JobSet"]);
  expect(resolution).toMatchObject({ kind: "trainjob", roles: ["head"], notes: [], problems: [] });
  expect(world.told).toHaveLength(1);
});

test("a restart of the JobSet supersedes the pods of the old attempt", async () => {
  await using world = startTrainJob();
  await world.watch.ready;
  world.cluster.put(jobSet(1));
  const restarting = await world.until((one) => one.members.every(({ state }) => state === "superseded"));
  expect(codes(restarting)).toEqual(["head-0=restart-attempt-behind"]);
  expect(restarting.notes).toMatchObject([
    { code: "jobset-restarting", message: expect.stringMatching(/^jobset\/train: the JobSet is restarting/) as string },
  ]);
  for (const one of attempt(0, jobSet(1)).toReversed()) world.cluster.delete(one);
  world.cluster.put(...attempt(1, jobSet(1)));
  const done = await world.until((one) => one.members.length === 1 && one.notes.length === 0);
  expect(states(done)).toEqual(["head-1=current"]);
});

test("only what the child's kind watches is watched below it", async () => {
  await using world = startTrainJob();
  await world.watch.ready;
  const queries = world.cluster.requests
    .filter(({ path, query }) => /(pods|jobs)$/.test(path) && query?.["watch"] !== true && !path.includes("trainjobs"))
    .map(({ path, query }) => `${path.split("/").at(-1)} ${String(query?.["labelSelector"])}`);
  expect(queries.toSorted()).toEqual([
    "jobs jobset.sigs.k8s.io/jobset-name=train",
    "pods jobset.sigs.k8s.io/jobset-name=train",
  ]);
});

test("a child that is deleted takes its members and its watches with it; one that is created again is judged anew", async () => {
  await using world = startTrainJob();
  await world.watch.ready;
  const before = world.cluster.openWatches;
  for (const one of [...attempt(0, jobSet(0)), jobSet(0)].toReversed()) world.cluster.delete(one);
  await world.until((one) => one.members.length === 0);
  await expect.poll(() => world.cluster.openWatches).toBe(before - 2);
  const again = jobSet(0, { uid: "uid-again" });
  world.cluster.put(again, ...attempt(0, again));
  const resolution = await world.until((one) => one.members.length === 1);
  expect(resolution.members[0]).toMatchObject({ uid: "uid-again-pod-0", state: "current" });
  expect(world.cluster.openWatches).toBe(before);
});

test("a child that is not listed yet leaves its pods unsettled, and the workload is not ready before it is", async () => {
  const cluster = trainCluster();
  cluster.trouble(JOBS, "unreachable");
  // The parent sees the pods by itself, too.
  const kind = parentKind(TRAIN_JOBS, JOBSETS, {
    watches: () => ({
      watches: [
        { resource: JOBSETS, delegate: true },
        { resource: JOBS, optional: true },
      ],
    }),
  });
  await using world = startTrainJob({ cluster, kind, kinds: [kind, jobset()] });
  await world.until((one) => one.problems.length > 0);
  expect(world.watch.current?.members).toEqual([]);
  cluster.trouble(JOBS, undefined);
  expect(states(await world.watch.ready)).toEqual(["head-0=current"]);
});

test("a kind that replaces the child's built-in one is the one that judges", async () => {
  const strict = defineKind({
    ...jobset(),
    name: "strict-jobset",
    judge: () => ({ pod: () => ({ state: "kept", reason: { code: "strict", message: "the replacement judged it" } }) }),
  });
  await using world = startTrainJob({ kinds: [strict, trainJobKind] });
  expect(codes(await world.watch.ready)).toEqual(["head-0=strict"]);
});

test("a parent overlays state, role and notes", async () => {
  const kind = parentKind(TRAIN_JOBS, JOBSETS, {
    judge: (view) => ({
      pod: (owned) => {
        const verdict = delegatedVerdict(view, owned) ?? unsettled("no-child");
        return { ...verdict, state: "kept", role: `node-${verdict.role}`, labels: { side: "active" } };
      },
      notes: [{ code: "mine", message: "only this" }],
    }),
    roles: () => ["node-head"],
  });
  await using world = startTrainJob({ kind, kinds: [kind, jobset()] });
  const resolution = await world.watch.ready;
  expect(resolution.members).toMatchObject([{ state: "kept", role: "node-head", labels: { side: "active" } }]);
  expect(resolution).toMatchObject({ roles: ["node-head"], notes: [{ code: "mine", message: "only this" }] });
});

test("no loaded kind serves the child: the resource is named, and the pods stay unsettled", async () => {
  const kind = parentKind(TRAIN_JOBS, JOBSETS, {
    watches: () => ({ watches: [{ resource: JOBSETS, delegate: true }, { resource: JOBS }] }),
  });
  await using world = startTrainJob({ kind, kinds: [kind] });
  const resolution = await world.watch.ready;
  expect(codes(resolution)).toEqual(["head-0=no-child"]);
  expect(resolution.problems).toMatchObject([
    { code: "KINSYNC_PLUGIN_DELEGATE", message: expect.stringContaining("jobsets.jobset.x-k8s.io") as string },
  ]);
});

test("a child in a version that its kind does not read is refused by name", async () => {
  const newer = { ...JOBSETS, version: "v1" };
  const kind = parentKind(TRAIN_JOBS, newer);
  const cluster = new FakeCluster([PODS, JOBS, TRAIN_JOBS, newer]);
  cluster.put(trainJob, object(newer, "train", { uid: "uid-newer", owner: trainJob }));
  await using world = startTrainJob({ cluster, kind, kinds: [kind, jobset()] });
  expect((await world.watch.ready).problems).toMatchObject([
    { message: expect.stringContaining("in version v1, but the kind jobset reads v1alpha2") as string },
  ]);
});

test("a child's kind that fails is named, and costs only its pods", async () => {
  const failing = defineKind({
    ...jobset(),
    judge: () => {
      throw new Error("no rule today");
    },
  });
  await using world = startTrainJob({ kinds: [trainJobKind, failing] });
  const resolution = await world.watch.ready;
  expect(codes(resolution)).toEqual(["head-0=kind-failed"]);
  expect(resolution.problems).toMatchObject([{ plugin: "jobset", operation: "judge" }]);
});

test("labels take over below a child where its watch may not be read", async () => {
  const cluster = new FakeCluster(SERVED);
  cluster.trouble(JOBS, "forbidden");
  const [job, head] = attempt(0, jobSet(0));
  const labels = { ...head.metadata.labels, "jobset.sigs.k8s.io/jobset-uid": "uid-jobset" };
  cluster.put(trainJob, jobSet(0), job, { ...head, metadata: { ...head.metadata, labels } });
  await using world = startTrainJob({ cluster });
  const resolution = await world.watch.ready;
  expect(resolution.members).toMatchObject([{ name: "head-0", state: "current", by: "labels", role: "head" }]);
  expect(resolution.problems).toMatchObject([{ code: "KINSYNC_CLUSTER_FORBIDDEN" }]);
});

const studio = object(STUDIOS, "s");
const studioKind = parentKind(STUDIOS, DEPLOYMENTS, {
  judge: (view) => ({
    pod: (owned) => {
      const part = owned.owners.at(-1)?.metadata.labels?.["part"];
      const verdict = delegatedVerdict(view, owned) ?? unsettled("no-child");
      return part === undefined ? verdict : { ...verdict, role: part };
    },
  }),
});

function part(name: string, revision: number, spec: Readonly<Record<string, unknown>> = {}): readonly KubeObject[] {
  const labels = { part: name };
  const annotations = { "deployment.kubernetes.io/revision": String(revision) };
  const own = object(DEPLOYMENTS, `s-${name}`, {
    owner: studio,
    labels,
    annotations,
    spec: { replicas: 1, selector: { matchLabels: { app: name } }, ...spec },
    status: { replicas: 1, updatedReplicas: 1 },
  });
  const podLabels = { app: name };
  const replicaSet = object(REPLICASETS, `s-${name}-${revision}`, { owner: own, labels: podLabels, annotations });
  return [own, replicaSet, pod(`${name}-${revision}`, { owner: replicaSet, labels: podLabels })];
}

function startStudio(cluster: FakeCluster, kinds: readonly KindPlugin[] = [studioKind, deployment()]) {
  return startWorld({ cluster, kind: studioKind, kinds, resource: STUDIOS, name: "s" });
}

test("a rollout of one of two Deployments supersedes only its own pods", async () => {
  const cluster = new FakeCluster(SERVED);
  cluster.put(studio, ...part("api", 1), ...part("web", 1));
  await using world = startStudio(cluster);
  expect((await world.watch.ready).members.map(({ name, role, state }) => [name, role, state])).toEqual([
    ["api-1", "api", "current"],
    ["web-1", "web", "current"],
  ]);
  cluster.put(...part("web", 2));
  const resolution = await world.until((one) => states(one).includes("web-1=superseded"));
  expect(states(resolution)).toEqual(["api-1=current", "web-1=superseded", "web-2=current"]);
});

test("the notes of both children are reported, each with its name", async () => {
  const cluster = new FakeCluster(SERVED);
  cluster.put(studio, ...part("api", 1, { paused: true }), ...part("web", 1, { paused: true }));
  await using world = startStudio(cluster);
  expect((await world.watch.ready).notes.map(({ code, message }) => [code, message.split(": ")[0]])).toEqual([
    ["deployment-paused", "deployment/s-api"],
    ["deployment-paused", "deployment/s-web"],
  ]);
});

test("a child that is created later is followed; a child of somebody else is not", async () => {
  const cluster = new FakeCluster(SERVED);
  cluster.put(studio, ...part("api", 1));
  const [other, ...below] = part("web", 1);
  const foreign = { ...(other as KubeObject), metadata: { ...(other as KubeObject).metadata, ownerReferences: [] } };
  cluster.put(foreign, ...below);
  await using world = startStudio(cluster);
  expect(states(await world.watch.ready)).toEqual(["api-1=current"]);
  cluster.put(...part("web", 1));
  await world.until((one) => states(one).join() === "api-1=current,web-1=current");
});

test("a child whose selector changes is judged by the old list until the new one is there", async () => {
  const cluster = new FakeCluster(SERVED);
  cluster.put(studio, ...part("api", 1));
  await using world = startStudio(cluster);
  await world.watch.ready;
  const seen = world.told.length;
  const [own] = part("api", 1);
  cluster.put({ ...(own as KubeObject), spec: { replicas: 1, paused: true, selector: { matchLabels: {} } } });
  await world.until((one) => one.notes.length > 0);
  for (const one of world.told.slice(seen)) expect(states(one)).toEqual(["api-1=current"]);
});

test("delegation is two levels deep: a Lab leaves TrainJobs to their kind, which leaves JobSets to theirs", async () => {
  const lab = object(LABS, "lab");
  const labKind = parentKind(LABS, TRAIN_JOBS);
  const owned = { ...trainJob, metadata: { ...trainJob.metadata, ownerReferences: [ownerReference(lab)] } };
  const cluster = trainCluster();
  cluster.put(lab, owned);
  const kinds = [labKind, trainJobKind, jobset()];
  await using world = startWorld({ cluster, kind: labKind, kinds, resource: LABS, name: "lab" });
  const resolution = await world.watch.ready;
  expect(states(resolution)).toEqual(["head-0=current"]);
  expect(resolution.members[0]?.owners.map(({ kind }) => kind)).toEqual(["Job", "JobSet", "TrainJob"]);
  expect(resolution.roles).toEqual(["head"]);
  cluster.put(jobSet(1));
  const restarted = await world.until((one) => states(one).join() === "head-0=superseded");
  expect(restarted.notes[0]?.message).toMatch(/^trainjob\/train: jobset\/train: the JobSet is restarting/);
});

test("owner references in a circle end the delegation with an error that names the objects", async () => {
  const labKind = parentKind(LABS, STUDIOS);
  const backKind = parentKind(STUDIOS, LABS);
  const lab = object(LABS, "lab");
  const back = object(STUDIOS, "s", { owner: lab });
  const circle = { ...lab, metadata: { ...lab.metadata, ownerReferences: [ownerReference(back)] } };
  const cluster = new FakeCluster(SERVED);
  cluster.put(circle, back);
  await using world = startWorld({ cluster, kind: labKind, kinds: [labKind, backKind], resource: LABS, name: "lab" });
  const resolution = await world.watch.ready;
  expect(resolution.members).toEqual([]);
  expect(resolution.problems).toMatchObject([
    { code: "KINSYNC_PLUGIN_DELEGATE", message: "delegation is circular: lab/lab → studio/s → lab/lab" },
  ]);
});

test("the child's kind chooses the container, and infrastructure of either kind is never chosen", async () => {
  const containers = [{ name: "proxy" }, { name: "agent" }, { name: "main" }];
  const childKind = defineKind({ ...jobset(), infrastructure: ["proxy"] });
  const parent = parentKind(TRAIN_JOBS, JOBSETS, { infrastructure: ["agent"], defaultContainer: () => "agent" });
  const cluster = trainCluster();
  const [, head] = attempt(0, jobSet(0));
  cluster.put({ ...head, spec: { containers } });
  await using world = startTrainJob({ cluster, kind: parent, kinds: [parent, childKind] });
  const resolution = await world.watch.ready;
  const [member] = resolution.members;
  if (member === undefined) throw new Error("no member");
  expect(selectContainer(member)).toMatchObject({ name: "main" });
  expect(resolution.notes).toMatchObject([{ code: "default-container-ignored", evidence: { container: "agent" } }]);
});

test("a verdict on a pod that is not below the child is an error of the parent", async () => {
  const kind = parentKind(STUDIOS, DEPLOYMENTS, {
    judge: (view) => {
      const api = view.owned.find(({ metadata }) => metadata.name === "s-api");
      return { pod: (owned) => (api && view.rule(api)?.pod(owned)) ?? unsettled("no-child") };
    },
  });
  const cluster = new FakeCluster(SERVED);
  cluster.put(studio, ...part("api", 1), ...part("web", 1));
  await using world = startWorld({ cluster, kind, kinds: [kind, deployment()], resource: STUDIOS, name: "s" });
  const resolution = await world.watch.ready;
  expect(codes(resolution)).toEqual(["api-1=at-revision", "web-1=kind-failed"]);
  expect(resolution.problems).toMatchObject([{ plugin: "studio", operation: "judge.pod" }]);
});
