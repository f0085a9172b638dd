import { expect } from "vitest";
import { allow } from "../../../harness/allow.ts";
import { PYTORCH, replicaJob, TENSORFLOW } from "../../../harness/kubeflow-manifests.ts";
import { container, lingering, podSpec, SEED } from "../../../harness/manifests.ts";
import type { PodSpec } from "../../../harness/manifests.ts";
import { failPods, releasePods } from "../../../harness/pod-triggers.ts";
import { isOneOf, isTerminating, states } from "../../../harness/pods.ts";
import { situation } from "../../../harness/situation.ts";
import { membersOf, othersRun, resize } from "./replicas.ts";

const TRAIN = "pytorchjob/train";
const NAME = { name: PYTORCH.container };

situation("a PyTorchJob updates its master and resized workers", { timeout: 240_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  const spec = lingering(cluster.image, NAME);
  await fixture.create(replicaJob(PYTORCH, "train", { Master: [1, spec], Worker: [2, spec] }));
  const first = await fixture.running(3);
  await allow(fixture, TRAIN);
  const kinsync = await fixture.upWithFile(TRAIN);
  await fixture.expectMembers(TRAIN, states(first, "current"));
  await fixture.save(kinsync, "f.txt", "two\n", first);
  expect(await membersOf(fixture, TRAIN)).toEqual(["master 0", "worker 0", "worker 1"]);

  await resize(fixture, PYTORCH, "train", 3);
  const more = await fixture.running(4);
  await fixture.untilSame(more);
  await fixture.expectMembers(TRAIN, states(more, "current"));

  // The operator creates a lost worker again under its name, once it is gone.
  const lost = more.filter(({ metadata }) => metadata.name === "train-worker-1");
  await kubectl.delete("pod/train-worker-1", "--wait=false");
  await fixture.until("it terminates", async () => (await kubectl.pods()).filter(isTerminating).length === 1);
  const left = more.filter((pod) => !isOneOf(lost)(pod));
  await fixture.expectMembers(TRAIN, { ...states(left, "current"), ...states(lost, "terminating") });
  await fixture.save(kinsync, "f.txt", "three\n", left);
  await releasePods(kubectl, lost);
  const again = await othersRun(fixture, lost, 4);
  const since = kinsync.mark();
  await fixture.untilSame(again);
  await fixture.expectMembers(TRAIN, states(again, "current"));
  await fixture.save(kinsync, "f.txt", "four\n", again);

  await resize(fixture, PYTORCH, "train", 1);
  const leaving = await fixture.until("two workers terminate", async () => {
    const pods = (await kubectl.pods()).filter(isTerminating);
    return pods.length === 2 && pods;
  });
  const two = again.filter((pod) => !isOneOf(leaving)(pod));
  await fixture.expectMembers(TRAIN, { ...states(two, "current"), ...states(leaving, "terminating") });
  await fixture.save(kinsync, "f.txt", "five\n", two);
  for (const pod of leaving) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: four\n" });
  await releasePods(kubectl, leaving);
  await fixture.until("they are gone", async () => (await kubectl.pods()).length === 2);
  await fixture.expectMembers(TRAIN, states(two, "current"));
  expect(kinsync.syncedAmong(lost, since)).toEqual([]);
});

situation("a worker that failed is created again and updated", { timeout: 180_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  await fixture.create(
    replicaJob(
      PYTORCH,
      "train",
      { Master: [1, podSpec(container(cluster.image, undefined, NAME))], Worker: [2, killed(cluster.image)] },
      {
        restartPolicy: "ExitCode",
      },
    ),
  );
  const first = await fixture.running(3);
  await allow(fixture, TRAIN);
  const kinsync = await fixture.upWithFile(TRAIN);
  await fixture.expectMembers(TRAIN, states(first, "current"));
  const failed = first.filter(({ metadata }) => metadata.name === "train-worker-0");
  const since = kinsync.mark();
  await failPods(kubectl, failed);
  const pods = await othersRun(fixture, failed, 3);
  expect(pods.filter(isOneOf(first))).toHaveLength(2);
  await fixture.untilSame(pods);
  await fixture.expectMembers(TRAIN, states(pods, "current"));
  await fixture.save(kinsync, "f.txt", "two\n", pods);
  expect(kinsync.syncedAmong(failed, since)).toEqual([]);
});

situation("a suspended and resumed PyTorchJob updates its new pods", { timeout: 180_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  const spec = lingering(cluster.image, NAME);
  await fixture.create(replicaJob(PYTORCH, "train", { Master: [1, spec], Worker: [2, spec] }));
  const first = await fixture.running(3);
  await allow(fixture, TRAIN);
  const kinsync = await fixture.upWithFile(TRAIN);
  await fixture.expectMembers(TRAIN, states(first, "current"));

  const since = kinsync.mark();
  await kubectl.patch(TRAIN, { spec: { runPolicy: { suspend: true } } });
  await fixture.until("all pods terminate", async () => (await kubectl.pods()).every(isTerminating));
  await fixture.expectMembers(TRAIN, states(first, "terminating"));
  await fixture.project.write("src/f.txt", "two\n");
  await kinsync.untilChanged("f.txt", since);
  for (const pod of first) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: one\n" });
  await releasePods(kubectl, first);
  await fixture.until("no pods are left", async () => (await kubectl.pods()).length === 0);

  await kubectl.patch(TRAIN, { spec: { runPolicy: { suspend: false } } });
  const fresh = await fixture.running(3);
  await fixture.untilSame(fresh);
  await fixture.expectMembers(TRAIN, states(fresh, "current"));
  await fixture.save(kinsync, "f.txt", "three\n", fresh);
  expect(kinsync.syncedAmong(first, since)).toEqual([]);
});

situation("a PyTorchJob is created again beside a TFJob of its name", { timeout: 180_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  const spec = (name: string): PodSpec => podSpec(container(cluster.image, undefined, { name }));
  const tensorflow = spec(TENSORFLOW.container);
  const pytorch = replicaJob(PYTORCH, "train", {
    Master: [1, spec(PYTORCH.container)],
    Worker: [1, spec(PYTORCH.container)],
  });
  await fixture.create(pytorch, replicaJob(TENSORFLOW, "train", { Chief: [1, tensorflow], PS: [1, tensorflow] }));
  const all = await fixture.running(4);
  const others = all.filter(({ metadata }) => /-(chief|ps)-/.test(metadata.name));
  const first = all.filter((pod) => !isOneOf(others)(pod));
  expect(others).toHaveLength(2);
  await allow(fixture, TRAIN);
  await allow(fixture, "tfjob/train");
  const kinsync = await fixture.upWithFile(TRAIN);
  await fixture.expectMembers(TRAIN, states(first, "current"));
  await fixture.expectMembers("tfjob/train", states(others, "current"));
  await fixture.save(kinsync, "f.txt", "two\n", first);

  const since = kinsync.mark();
  await kubectl.delete(TRAIN, "--cascade=foreground");
  await fixture.create(pytorch);
  const fresh = (await othersRun(fixture, first, 4)).filter((pod) => !isOneOf(others)(pod));
  await fixture.untilSame(fresh);
  await fixture.expectMembers(TRAIN, states(fresh, "current"));
  await fixture.save(kinsync, "f.txt", "three\n", fresh);
  expect(kinsync.syncedAmong([...first, ...others], since)).toEqual([]);
  for (const pod of others) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: old\n" });
});

/** Spec of a pod that ends as if it was killed, when /tmp/fail exists: the operator creates it again. */
function killed(image: string): PodSpec {
  return podSpec(container(image, `${SEED}; while [ ! -e /tmp/fail ]; do sleep 0.2; done; exit 137`, NAME));
}
