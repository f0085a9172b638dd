import { expect, test } from "vitest";
import { defineKind, delegatedVerdict } from "../../../src/contract/index.ts";
import { jobset } from "../../../../kind-jobset/src/index.ts";
import { selectContainer } from "../../../src/resolve/select/containers.ts";
import { FakeCluster } from "../../support/fake-cluster.ts";
import { JOBS, object, ownerReference, PODS } from "../../support/objects.ts";
import { startWatch, states } from "../support/watch-fixture.ts";
import { JOBSETS, LABS, parentKind, TRAIN_JOBS, unsettled } from "../support/parents.ts";
import {
  SERVED,
  trainJob,
  trainJobKind,
  jobSet,
  attempt,
  trainCluster,
  startTrainJob,
  codes,
} from "../support/train-job.ts";

test("a TrainJob's pods are judged by the kind of its JobSet, with roles, indexes and owners", async () => {
  await using fixture = startTrainJob();
  const resolution = await fixture.watch.ready;
  expect(resolution.members).toMatchObject([
    { name: "head-0", state: "current", role: "head", index: "0", reason: { code: "in-attempt" } },
  ]);
  expect(resolution.members[0]?.owners.map(({ kind }) => kind)).toEqual(["Job", "JobSet"]);
  expect(resolution).toMatchObject({ kind: "trainjob", roles: ["head"], notes: [], problems: [] });
  expect(fixture.resolutions).toHaveLength(1);
});

test("a restart of the JobSet supersedes the pods of the old attempt", async () => {
  await using fixture = startTrainJob();
  await fixture.watch.ready;
  fixture.cluster.put(jobSet(1));
  const restarting = await fixture.until((one) => one.members.every(({ state }) => state === "superseded"));
  expect(codes(restarting)).toEqual(["head-0=restart-attempt-behind"]);
  expect(restarting.notes).toMatchObject([
    { code: "jobset-restarting", message: expect.stringMatching(/^jobset\/train: the JobSet is restarting/) as string },
  ]);
  for (const one of attempt(0, jobSet(1)).toReversed()) fixture.cluster.delete(one);
  fixture.cluster.put(...attempt(1, jobSet(1)));
  const done = await fixture.until((one) => one.members.length === 1 && one.notes.length === 0);
  expect(states(done)).toEqual(["head-1=current"]);
});

test("only what the child's kind watches is watched below it", async () => {
  await using fixture = startTrainJob();
  await fixture.watch.ready;
  const queries = fixture.cluster.requests
    .filter(({ path, query }) => /(pods|jobs)$/.test(path) && query?.["watch"] !== true && !path.includes("trainjobs"))
    .map(({ path, query }) => `${path.split("/").at(-1)} ${String(query?.["labelSelector"])}`);
  expect(queries.toSorted()).toEqual([
    "jobs jobset.sigs.k8s.io/jobset-name=train",
    "pods jobset.sigs.k8s.io/jobset-name=train",
  ]);
});

test("a deleted child removes its members and watches, and a new one is judged again", async () => {
  await using fixture = startTrainJob();
  await fixture.watch.ready;
  // The TrainJob, its JobSets, and the Jobs and pods of the only one.
  const before = 4;
  await expect.poll(() => fixture.cluster.openWatches).toBe(before);
  for (const one of [...attempt(0, jobSet(0)), jobSet(0)].toReversed()) fixture.cluster.delete(one);
  await fixture.until((one) => one.members.length === 0);
  await expect.poll(() => fixture.cluster.openWatches).toBe(before - 2);
  const again = jobSet(0, { uid: "uid-again" });
  fixture.cluster.put(again, ...attempt(0, again));
  const resolution = await fixture.until((one) => one.members.length === 1);
  expect(resolution.members[0]).toMatchObject({ uid: "uid-again-pod-0", state: "current" });
  await expect.poll(() => fixture.cluster.openWatches).toBe(before);
});

test("the workload is not ready before a delegated child is listed, and its pods are unsettled", async () => {
  const cluster = trainCluster();
  cluster.setFailure(JOBS, "unreachable");
  // The parent sees the pods by itself, too.
  const kind = parentKind(TRAIN_JOBS, JOBSETS, {
    watches: () => ({
      watches: [
        { resource: JOBSETS, delegate: true },
        { resource: JOBS, optional: true },
      ],
    }),
  });
  await using fixture = startTrainJob({ cluster, kind, kinds: [kind, jobset()] });
  await fixture.until((one) => one.problems.length > 0);
  expect(fixture.watch.current?.members).toEqual([]);
  cluster.setFailure(JOBS, undefined);
  expect(states(await fixture.watch.ready)).toEqual(["head-0=current"]);
});

test("a kind that replaces the child's built-in one is the one that judges", async () => {
  const strict = defineKind({
    ...jobset(),
    name: "strict-jobset",
    judge: () => ({ pod: () => ({ state: "kept", reason: { code: "strict", message: "the replacement judged it" } }) }),
  });
  await using fixture = startTrainJob({ kinds: [strict, trainJobKind] });
  expect(codes(await fixture.watch.ready)).toEqual(["head-0=strict"]);
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
  await using fixture = startTrainJob({ kind, kinds: [kind, jobset()] });
  const resolution = await fixture.watch.ready;
  expect(resolution.members).toMatchObject([{ state: "kept", role: "node-head", labels: { side: "active" } }]);
  expect(resolution).toMatchObject({ roles: ["node-head"], notes: [{ code: "mine", message: "only this" }] });
});

test("no loaded kind serves the child: the resource is named, and the pods stay unsettled", async () => {
  const kind = parentKind(TRAIN_JOBS, JOBSETS, {
    watches: () => ({ watches: [{ resource: JOBSETS, delegate: true }, { resource: JOBS }] }),
  });
  await using fixture = startTrainJob({ kind, kinds: [kind] });
  const resolution = await fixture.watch.ready;
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
  await using fixture = startTrainJob({ cluster, kind, kinds: [kind, jobset()] });
  expect((await fixture.watch.ready).problems).toMatchObject([
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
  await using fixture = startTrainJob({ kinds: [trainJobKind, failing] });
  const resolution = await fixture.watch.ready;
  expect(codes(resolution)).toEqual(["head-0=kind-failed"]);
  expect(resolution.problems).toMatchObject([{ plugin: "jobset", operation: "judge" }]);
});

test("pods below a child that may not be read are selected by their labels", async () => {
  const cluster = new FakeCluster(SERVED);
  cluster.setFailure(JOBS, "forbidden");
  const [job, head] = attempt(0, jobSet(0));
  const labels = { ...head.metadata.labels, "jobset.sigs.k8s.io/jobset-uid": "uid-jobset" };
  cluster.put(trainJob, jobSet(0), job, { ...head, metadata: { ...head.metadata, labels } });
  await using fixture = startTrainJob({ cluster });
  const resolution = await fixture.watch.ready;
  expect(resolution.members).toMatchObject([{ name: "head-0", state: "current", by: "labels", role: "head" }]);
  expect(resolution.problems).toMatchObject([{ code: "KINSYNC_CLUSTER_FORBIDDEN" }]);
});

test("delegation is two levels deep: a Lab leaves TrainJobs to their kind, which leaves JobSets to theirs", async () => {
  const lab = object(LABS, "lab");
  const labKind = parentKind(LABS, TRAIN_JOBS);
  const owned = { ...trainJob, metadata: { ...trainJob.metadata, ownerReferences: [ownerReference(lab)] } };
  const cluster = trainCluster();
  cluster.put(lab, owned);
  const kinds = [labKind, trainJobKind, jobset()];
  await using fixture = startWatch({ cluster, kind: labKind, kinds, resource: LABS, name: "lab" });
  const resolution = await fixture.watch.ready;
  expect(states(resolution)).toEqual(["head-0=current"]);
  expect(resolution.members[0]?.owners.map(({ kind }) => kind)).toEqual(["Job", "JobSet", "TrainJob"]);
  expect(resolution.roles).toEqual(["head"]);
  cluster.put(jobSet(1));
  const restarted = await fixture.until((one) => states(one).join() === "head-0=superseded");
  expect(restarted.notes[0]?.message).toMatch(/^trainjob\/train: jobset\/train: the JobSet is restarting/);
});

test("the child's kind chooses the container, and infrastructure of either kind is never chosen", async () => {
  const containers = [{ name: "proxy" }, { name: "agent" }, { name: "main" }];
  const childKind = defineKind({ ...jobset(), infrastructure: ["proxy"] });
  const parent = parentKind(TRAIN_JOBS, JOBSETS, { infrastructure: ["agent"], defaultContainer: () => "agent" });
  const cluster = trainCluster();
  const [, head] = attempt(0, jobSet(0));
  cluster.put({ ...head, spec: { containers } });
  await using fixture = startTrainJob({ cluster, kind: parent, kinds: [parent, childKind] });
  const resolution = await fixture.watch.ready;
  const [member] = resolution.members;
  if (member === undefined) throw new Error("no member");
  expect(selectContainer(member)).toMatchObject({ name: "main" });
  expect(resolution.notes).toMatchObject([{ code: "default-container-ignored", evidence: { container: "agent" } }]);
});
