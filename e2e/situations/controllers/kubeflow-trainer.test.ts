import type { KubernetesObject } from "@kubernetes/client-node";
import { expect } from "vitest";
import { allow } from "../../harness/allow.ts";
import { container, failingOnRequest, lingering, podSpec } from "../../harness/manifests.ts";
import type { PodSpec } from "../../harness/manifests.ts";
import { failPods, releasePods } from "../../harness/pod-triggers.ts";
import { isOneOf, isRunning, isTerminating, states } from "../../harness/pods.ts";
import { situation } from "../../harness/situation.ts";

const FIT = "trainjob/fit";

type TrainerObject = KubernetesObject & { readonly spec: Readonly<Record<string, unknown>> };

situation("a TrainJob updates its nodes, and again after a restart", { timeout: 180_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  await fixture.create(runtime(failingOnRequest(cluster.image), { failurePolicy: { maxRestarts: 3 } }), trainJob(3));
  const first = await fixture.running(3);
  await allow(fixture, FIT);
  const kinsync = await fixture.upWithFile(FIT);
  await fixture.expectMembers(FIT, states(first, "current"));
  await fixture.save(kinsync, "f.txt", "two\n", first);
  const { members } = await fixture.tree(FIT);
  expect(members.map(({ role, index }) => `${role} ${index}`).toSorted()).toEqual(["node 0/0", "node 0/1", "node 0/2"]);

  const since = kinsync.mark();
  await failPods(kubectl, first.slice(0, 1));
  const fresh = await fixture.until("three new nodes run", async () => {
    const pods = await kubectl.pods();
    return pods.length === 3 && pods.every((pod) => isRunning(pod) && !isOneOf(first)(pod)) && pods;
  });
  await fixture.untilSame(fresh);
  await fixture.expectMembers(FIT, states(fresh, "current"));
  await fixture.save(kinsync, "f.txt", "three\n", fresh);
  expect(kinsync.syncedAmong(first, since)).toEqual([]);
});

situation("a suspended and resumed TrainJob updates its new pods only", { timeout: 180_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  await fixture.create(runtime(lingering(cluster.image)), trainJob(2));
  const first = await fixture.running(2);
  await allow(fixture, FIT);
  const kinsync = await fixture.upWithFile(FIT);
  await fixture.save(kinsync, "f.txt", "two\n", first);
  await fixture.expectMembers(FIT, states(first, "current"));

  const since = kinsync.mark();
  await kubectl.patch(FIT, { spec: { suspend: true } });
  await fixture.until("all pods terminate", async () => (await kubectl.pods()).every(isTerminating));
  await fixture.expectMembers(FIT, states(first, "terminating"));
  await fixture.project.write("src/f.txt", "three\n");
  await kinsync.untilChanged("f.txt", since);
  for (const pod of first) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: two\n" });
  await releasePods(kubectl, first);
  await fixture.until("no pods are left", async () => (await kubectl.pods()).length === 0);

  await kubectl.patch(FIT, { spec: { suspend: false } });
  const fresh = await fixture.running(2);
  await fixture.untilSame(fresh);
  await fixture.expectMembers(FIT, states(fresh, "current"));
  await fixture.save(kinsync, "f.txt", "four\n", fresh);
  expect(kinsync.syncedAmong(first, since)).toEqual([]);
});

situation("a TrainJob that is deleted and created again is updated", { timeout: 180_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  await fixture.create(runtime(podSpec(container(cluster.image))), trainJob(2));
  const first = await fixture.running(2);
  await allow(fixture, FIT);
  const kinsync = await fixture.upWithFile(FIT);
  await fixture.expectMembers(FIT, states(first, "current"));
  const since = kinsync.mark();
  await kubectl.delete(FIT, "--cascade=foreground");
  await fixture.create(trainJob(3));
  const fresh = await fixture.running(3);
  expect(fresh.filter(isOneOf(first))).toEqual([]);
  await fixture.untilSame(fresh);
  await fixture.expectMembers(FIT, states(fresh, "current"));
  await fixture.save(kinsync, "f.txt", "two\n", fresh);
  expect(kinsync.syncedAmong(first, since)).toEqual([]);
});

/** What TrainJobs of this namespace run: one Job, whose containers have the name that the trainer knows. */
function runtime(spec: PodSpec, more: Readonly<Record<string, unknown>> = {}): TrainerObject {
  const containers = spec.containers.map((each) => ({ ...each, name: "node" }));
  const node = {
    name: "node",
    template: {
      metadata: { labels: { "trainer.kubeflow.org/trainjob-ancestor-step": "trainer" } },
      spec: { backoffLimit: 0, template: { spec: { ...spec, restartPolicy: "Never", containers } } },
    },
  };
  return {
    apiVersion: "trainer.kubeflow.org/v1alpha1",
    kind: "TrainingRuntime",
    metadata: { name: "shell", labels: { "trainer.kubeflow.org/framework": "shell" } },
    spec: { mlPolicy: { numNodes: 1 }, template: { spec: { replicatedJobs: [node], ...more } } },
  };
}

function trainJob(numNodes: number): TrainerObject {
  return {
    apiVersion: "trainer.kubeflow.org/v1alpha1",
    kind: "TrainJob",
    metadata: { name: "fit" },
    spec: {
      runtimeRef: { apiGroup: "trainer.kubeflow.org", kind: "TrainingRuntime", name: "shell" },
      trainer: { numNodes },
    },
  };
}
