import { expect } from "vitest";
import { allow } from "../../../harness/allow.ts";
import type { Fixture } from "../../../harness/fixture.ts";
import { JAX, MPI, PADDLE, replicaJob, TENSORFLOW, XGBOOST } from "../../../harness/kubeflow-manifests.ts";
import type { JobFamily } from "../../../harness/kubeflow-manifests.ts";
import { container, lingering, podSpec, SEED } from "../../../harness/manifests.ts";
import type { Pod } from "../../../harness/objects.ts";
import { releasePods } from "../../../harness/pod-triggers.ts";
import { isOneOf, isTerminating, states } from "../../../harness/pods.ts";
import { situation } from "../../../harness/situation.ts";
import { membersOf, othersRun, resize } from "./replicas.ts";

const TF = "tfjob/train";

situation("a TFJob that ends removes its running pods", { timeout: 180_000 }, async (fixture) => {
  const { kubectl } = fixture;
  const { pods, chief } = await startTensorFlow(fixture, { cleanPodPolicy: "Running" });
  await allow(fixture, TF);
  const kinsync = await fixture.upWithFile(TF);
  await fixture.expectMembers(TF, states(pods, "current"));
  await releasePods(kubectl, chief);
  const leaving = await fixture.until("the other pods terminate", async () => {
    const left = (await kubectl.pods()).filter(isTerminating);
    return left.length === 2 && left;
  });
  await fixture.expectMembers(TF, { ...states(chief, "finished"), ...states(leaving, "terminating") });
  const since = kinsync.mark();
  await fixture.project.write("src/f.txt", "two\n");
  await kinsync.untilChanged("f.txt", since);
  for (const pod of leaving) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: one\n" });
  await releasePods(kubectl, leaving);
  await fixture.until("they are gone", async () => (await kubectl.pods()).length === 1);
  await fixture.expectMembers(TF, states(chief, "finished"));
});

situation("a TFJob that ends keeps its running pods by default", { timeout: 180_000 }, async (fixture) => {
  const { kubectl } = fixture;
  const { pods, chief } = await startTensorFlow(fixture, {});
  await allow(fixture, TF);
  const kinsync = await fixture.upWithFile(TF);
  await fixture.expectMembers(TF, states(pods, "current"));
  expect(await membersOf(fixture, TF)).toEqual(["chief 0", "ps 0", "worker 0"]);
  await releasePods(kubectl, chief);
  const left = pods.filter((pod) => !isOneOf(chief)(pod));
  await fixture.expectMembers(TF, { ...states(chief, "finished"), ...states(left, "kept") });
  await fixture.save(kinsync, "f.txt", "two\n", left);
});

situation("an XGBoostJob updates its master and its workers", { timeout: 180_000 }, (fixture) =>
  updatesWorkers(fixture, XGBOOST, "Master"),
);

situation("a PaddleJob updates its master and its workers", { timeout: 180_000 }, (fixture) =>
  updatesWorkers(fixture, PADDLE, "Master"),
);

// A worker that ended with 0 when the operator removed it would count as one of those that have succeeded.
situation("a JAXJob updates its workers", { timeout: 180_000 }, (fixture) =>
  updatesWorkers(fixture, JAX, undefined, "jaxjob/train", `${SEED}; trap 'exit 143' TERM; sleep 36000 & wait`),
);

situation("a scaled down JAXJob ends if a removed worker ends with 0", { timeout: 180_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  const workload = "jaxjob/train";
  await fixture.create(replicaJob(JAX, "train", { Worker: [3, lingering(cluster.image, { name: JAX.container })] }));
  const all = await fixture.running(3);
  await allow(fixture, workload);
  const kinsync = await fixture.upWithFile(workload);
  await fixture.expectMembers(workload, states(all, "current"));

  await resize(fixture, JAX, "train", 1);
  const leaving = await fixture.until("two workers terminate", async () => {
    const pods = (await kubectl.pods()).filter(isTerminating);
    return pods.length === 2 && pods;
  });
  const left = all.filter((pod) => !isOneOf(leaving)(pod));
  await fixture.expectMembers(workload, { ...states(left, "current"), ...states(leaving, "terminating") });
  await fixture.save(kinsync, "f.txt", "two\n", left);

  // One of one worker has succeeded, the operator finds, and by default it keeps the other one that runs.
  await releasePods(kubectl, leaving.slice(0, 1));
  await fixture.until("the job has ended", async () => (await fixture.states(workload))["train-worker-0"] === "kept");
  await releasePods(kubectl, leaving.slice(1));
  await fixture.until("they are gone", async () => (await kubectl.pods()).length === 1);
  await fixture.expectMembers(workload, states(left, "kept"));
  await fixture.save(kinsync, "f.txt", "three\n", left);
});

situation("an MPIJob of the training operator updates all its pods", { timeout: 180_000 }, (fixture) =>
  updatesWorkers(fixture, MPI, "Launcher", "mpijobs.v1.kubeflow.org/train"),
);

/** Scales the workers up and down, and loses one. */
async function updatesWorkers(
  fixture: Fixture,
  family: JobFamily,
  leader?: string,
  workload = `${family.kind.toLowerCase()}/train`,
  script?: string,
): Promise<void> {
  const { cluster, kubectl } = fixture;
  const spec = podSpec(container(cluster.image, script, { name: family.container }));
  const leaders = leader === undefined ? {} : { [leader]: [1, spec] as const };
  const alone = Object.keys(leaders).length;
  await fixture.create(replicaJob(family, "train", { ...leaders, Worker: [2, spec] }));
  const first = await fixture.running(alone + 2);
  await allow(fixture, workload);
  const kinsync = await fixture.upWithFile(workload);
  await fixture.expectMembers(workload, states(first, "current"));
  await fixture.save(kinsync, "f.txt", "two\n", first);

  await resize(fixture, family, "train", 3);
  const more = await fixture.running(alone + 3);
  await fixture.untilSame(more);
  await fixture.expectMembers(workload, states(more, "current"));
  const lost = more.filter(({ metadata }) => metadata.name === "train-worker-1");
  const since = kinsync.mark();
  await kubectl.delete("pod/train-worker-1", "--wait=false");
  const again = await othersRun(fixture, lost, alone + 3);
  await fixture.untilSame(again);
  await fixture.expectMembers(workload, states(again, "current"));

  await fixture.save(kinsync, "f.txt", "three\n", again);
  expect(kinsync.syncedAmong(lost, since)).toEqual([]);
  await resize(fixture, family, "train", 1);
  const left = await fixture.running(alone + 1);
  await fixture.until("the others are gone", async () => (await kubectl.pods()).length === alone + 1);
  expect(left.every(isOneOf(first))).toBe(true);
  await fixture.expectMembers(workload, states(left, "current"));
  await fixture.save(kinsync, "f.txt", "four\n", left);
}

/** A TFJob with a chief, whose end is its end, a parameter server and a worker. */
async function startTensorFlow(
  fixture: Fixture,
  runPolicy: object,
): Promise<{ readonly pods: readonly Pod[]; readonly chief: readonly Pod[] }> {
  const spec = lingering(fixture.cluster.image, { name: TENSORFLOW.container });
  const replicas = { Chief: [1, spec], PS: [1, spec], Worker: [1, spec] } as const;
  await fixture.create(replicaJob(TENSORFLOW, "train", replicas, { runPolicy }));
  const pods = await fixture.running(3);
  return { pods, chief: pods.filter(({ metadata }) => metadata.name === "train-chief-0") };
}
