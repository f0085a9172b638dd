import type { KubernetesObject } from "@kubernetes/client-node";
import { expect } from "vitest";
import { allow } from "../../harness/allow.ts";
import type { Fixture } from "../../harness/fixture.ts";
import { container, failingOnRequest, lingering, podSpec } from "../../harness/manifests.ts";
import type { PodSpec } from "../../harness/manifests.ts";
import type { Pod } from "../../harness/objects.ts";
import { failPods, releasePods } from "../../harness/pod-triggers.ts";
import { isOneOf, isRunning, isTerminating, states } from "../../harness/pods.ts";
import { situation } from "../../harness/situation.ts";

const SUM = "mpijobs.v2beta1.kubeflow.org/sum";
const ALL = "training.kubeflow.org/job-name=sum";

situation("an MPIJob updates its launcher and resized workers", { timeout: 180_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  const worker = podSpec(container(cluster.image));
  await fixture.create(mpiJob(worker, lingering(cluster.image), 2));
  const first = await fixture.running(3, ALL);
  await allow(fixture, SUM);
  const kinsync = await fixture.upWithFile(SUM);
  await fixture.expectMembers(SUM, states(first, "current"));
  await fixture.save(kinsync, "f.txt", "two\n", first);

  await resize(fixture, 3);
  const more = await fixture.running(4, ALL);
  await fixture.untilSame(more);
  await fixture.expectMembers(SUM, states(more, "current"));
  expect(await rolesOf(fixture)).toEqual({
    launcher: [""],
    worker: ["0", "1", "2"],
  });
  // The controller creates a lost worker again under its name.
  const lost = more.filter(({ metadata }) => metadata.name === "sum-worker-1");
  await kubectl.delete("pod/sum-worker-1", "--wait=false");
  const again = await fixture.until("another worker 1 runs", async () => {
    const pods = (await kubectl.pods(ALL)).filter((pod) => isRunning(pod));
    return pods.length === 4 && !pods.some(isOneOf(lost)) && pods;
  });
  const since = kinsync.mark();
  await fixture.untilSame(again);
  await fixture.expectMembers(SUM, states(again, "current"));
  await fixture.save(kinsync, "f.txt", "three\n", again);

  await resize(fixture, 1);
  const left = await fixture.running(2, ALL);
  await fixture.until("the other workers are gone", async () => (await kubectl.pods(ALL)).length === 2);
  await fixture.expectMembers(SUM, states(left, "current"));
  await fixture.save(kinsync, "f.txt", "four\n", left);
  expect(kinsync.syncedAmong(lost, since)).toEqual([]);
});

situation("a launcher that is started again is updated, its workers too", { timeout: 180_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  await fixture.create(mpiJob(podSpec(container(cluster.image)), failingOnRequest(cluster.image), 2));
  const first = await fixture.running(3, ALL);
  await allow(fixture, SUM);
  const kinsync = await fixture.upWithFile(SUM);
  await fixture.expectMembers(SUM, states(first, "current"));
  const failed = first.filter(isLauncher);
  await failPods(kubectl, failed);
  const pods = await fixture.until("another launcher runs", async () => {
    const running = (await kubectl.pods(ALL)).filter((pod) => isRunning(pod));
    return running.length === 3 && !running.some(isOneOf(failed)) && running;
  });
  expect(pods.filter(isOneOf(first))).toHaveLength(2);
  const since = kinsync.mark();
  await fixture.untilSame(pods);
  await fixture.expectMembers(SUM, { ...states(failed, "finished"), ...states(pods, "current") });
  await fixture.save(kinsync, "f.txt", "two\n", pods);
  expect(kinsync.syncedAmong(failed, since)).toEqual([]);
});

situation("a suspended and resumed MPIJob updates its new pods only", { timeout: 180_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  const spec = lingering(cluster.image);
  await fixture.create(mpiJob(spec, spec, 2));
  const first = await fixture.running(3, ALL);
  await allow(fixture, SUM);
  const kinsync = await fixture.upWithFile(SUM);
  await fixture.save(kinsync, "f.txt", "two\n", first);
  await fixture.expectMembers(SUM, states(first, "current"));

  const since = kinsync.mark();
  await kubectl.patch(SUM, { spec: { runPolicy: { suspend: true } } });
  await fixture.until("all pods terminate", async () => (await kubectl.pods(ALL)).every(isTerminating));
  await fixture.expectMembers(SUM, states(first, "terminating"));
  await fixture.project.write("src/f.txt", "three\n");
  await kinsync.untilChanged("f.txt", since);
  for (const pod of first) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: two\n" });
  await releasePods(kubectl, first);
  await fixture.until("no pods are left", async () => (await kubectl.pods(ALL)).length === 0);

  await kubectl.patch(SUM, { spec: { runPolicy: { suspend: false } } });
  const fresh = await fixture.running(3, ALL);
  await fixture.untilSame(fresh);
  await fixture.expectMembers(SUM, states(fresh, "current"));
  await fixture.save(kinsync, "f.txt", "four\n", fresh);
  expect(kinsync.syncedAmong(first, since)).toEqual([]);
});

situation("an MPIJob that ends removes its workers, which get no files", { timeout: 180_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  const launcher = podSpec(
    container(cluster.image, "mkdir -p /app/src; while [ ! -e /app/src/stop ]; do sleep 0.2; done"),
  );
  await fixture.create(mpiJob(lingering(cluster.image), launcher, 2));
  const pods = await fixture.running(3, ALL);
  await allow(fixture, SUM);
  const kinsync = await fixture.upWithFile(SUM);
  await fixture.expectMembers(SUM, states(pods, "current"));
  await fixture.project.write("src/stop", "");
  const workers = await fixture.until("the workers terminate", async () => {
    const left = (await kubectl.pods(ALL)).filter(isTerminating);
    return left.length === 2 && left;
  });
  await fixture.expectMembers(SUM, {
    ...states(workers, "terminating"),
    ...states(pods.filter(isLauncher), "finished"),
  });
  const since = kinsync.mark();
  await fixture.project.write("src/f.txt", "two\n");
  await kinsync.untilChanged("f.txt", since);
  for (const pod of workers) expect((await fixture.list(pod))?.["f.txt"]).toBe("file: one\n");
  await releasePods(kubectl, workers);
  await fixture.expectMembers(SUM, states(pods.filter(isLauncher), "finished"));
});

situation("an MPIJob that is deleted and created again is updated", { timeout: 180_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  const spec = podSpec(container(cluster.image));
  await fixture.create(mpiJob(spec, spec, 2));
  const first = await fixture.running(3, ALL);
  await allow(fixture, SUM);
  const kinsync = await fixture.upWithFile(SUM);
  await fixture.expectMembers(SUM, states(first, "current"));
  const since = kinsync.mark();
  await kubectl.delete(SUM, "--cascade=foreground");
  await fixture.create(mpiJob(spec, spec, 2));
  const fresh = await fixture.running(3, ALL);
  expect(fresh.filter(isOneOf(first))).toEqual([]);
  await fixture.untilSame(fresh);
  await fixture.expectMembers(SUM, states(fresh, "current"));
  await fixture.save(kinsync, "f.txt", "two\n", fresh);
  expect(kinsync.syncedAmong(first, since)).toEqual([]);
});

function mpiJob(
  worker: PodSpec,
  launcher: PodSpec,
  workers: number,
): KubernetesObject & { readonly spec: Readonly<Record<string, unknown>> } {
  return {
    apiVersion: "kubeflow.org/v2beta1",
    kind: "MPIJob",
    metadata: { name: "sum" },
    spec: {
      launcherCreationPolicy: "WaitForWorkersReady",
      runPolicy: { cleanPodPolicy: "Running", backoffLimit: 3 },
      mpiReplicaSpecs: {
        Launcher: { replicas: 1, restartPolicy: "Never", template: { spec: launcher } },
        Worker: { replicas: workers, template: { spec: worker } },
      },
    },
  };
}

async function resize({ kubectl }: Fixture, replicas: number): Promise<void> {
  await kubectl.patch(SUM, { spec: { mpiReplicaSpecs: { Worker: { replicas } } } });
}

function isLauncher({ metadata }: Pod): boolean {
  return metadata.labels?.["training.kubeflow.org/job-role"] === "launcher";
}

/** Role to the indexes of its members, sorted. */
async function rolesOf(fixture: Fixture): Promise<Readonly<Record<string, readonly string[]>>> {
  const { members } = await fixture.tree(SUM);
  const grouped = Object.groupBy(members, ({ role }) => role ?? "");
  return Object.fromEntries(
    Object.entries(grouped).map(([role, own = []]) => [role, own.map(({ index = "" }) => index).toSorted()]),
  );
}
