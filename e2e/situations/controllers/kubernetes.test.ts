import type { KubernetesObject } from "@kubernetes/client-node";
import { expect } from "vitest";
import type { Fixture } from "../../harness/fixture.ts";
import {
  container,
  failingOnRequest,
  gated,
  gateMap,
  indexedJob,
  indexedJobSpec,
  lingering,
  podSpec,
} from "../../harness/manifests.ts";
import type { PodSpec } from "../../harness/manifests.ts";
import type { Pod } from "../../harness/objects.ts";
import { failPods, releasePods } from "../../harness/pod-triggers.ts";
import { isOneOf, isRunning, isTerminating, states } from "../../harness/pods.ts";
import { situation } from "../../harness/situation.ts";

const APP = "app=x";

type Workload = KubernetesObject & { readonly spec: Readonly<Record<string, unknown>> };

situation("a DaemonSet that is rolled and rolled back", { timeout: 180_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  const updateStrategy = { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };
  await fixture.create(gateMap("open"), daemonSet(gated(cluster.image, "1"), updateStrategy));
  const first = await allRun(fixture);
  const kinsync = await fixture.upWithFile("ds/x");
  await fixture.expectMembers("ds/x", states(first, "current"));
  await fixture.save(kinsync, "f.txt", "two\n", first);

  await kubectl.patch("configmap/gate", gateMap("closed"));
  await kubectl.patch("ds/x", { spec: { template: { spec: gated(cluster.image, "2") } } });
  const second = await newPods(fixture, first, 1);
  await fixture.untilSame(second);
  await fixture.expectMembers("ds/x", { ...states(first, "superseded"), ...states(second, "current") });
  await fixture.save(kinsync, "f.txt", "three\n", second);
  for (const pod of first) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: two\n" });

  await kubectl.patch("ds/x", { spec: { template: { spec: gated(cluster.image, "1") } } });
  await fixture.until("the second pod is gone", async () => !(await kubectl.pods(APP)).some(isOneOf(second)));
  await fixture.untilSame(first);
  await fixture.expectMembers("ds/x", states(first, "current"));
  await fixture.save(kinsync, "f.txt", "four\n", first);

  await kubectl.patch("configmap/gate", gateMap("open"));
  await kubectl.patch("ds/x", { spec: { template: { spec: gated(cluster.image, "3") } } });
  const last = await replaced(fixture, first);
  await fixture.untilSame(last);
  await fixture.expectMembers("ds/x", states(last, "current"));
});

situation("a DaemonSet with OnDelete, deleted and created again", { timeout: 180_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  await fixture.create(gateMap("open"), daemonSet(gated(cluster.image, "1"), { type: "OnDelete" }));
  const first = await allRun(fixture);
  const kinsync = await fixture.upWithFile("ds/x");
  await fixture.expectMembers("ds/x", states(first, "current"));
  await kubectl.patch("ds/x", { spec: { template: { spec: gated(cluster.image, "2") } } });
  await fixture.expectMembers("ds/x", states(first, "kept"));
  await fixture.save(kinsync, "f.txt", "two\n", first);

  await kubectl.delete(`pod/${first[0]?.metadata.name}`);
  const second = await replaced(fixture, first.slice(0, 1));
  const kept = second.filter(isOneOf(first));
  const renewed = second.filter((pod) => !isOneOf(first)(pod));
  await fixture.untilSame(second);
  await fixture.expectMembers("ds/x", { ...states(kept, "kept"), ...states(renewed, "current") });

  const since = kinsync.mark();
  await kubectl.delete("ds/x", "--cascade=foreground");
  await fixture.create(daemonSet(gated(cluster.image, "3"), { type: "OnDelete" }));
  const last = await replaced(fixture, [...first, ...second]);
  await fixture.untilSame(last);
  await fixture.expectMembers("ds/x", states(last, "current"));
  await fixture.save(kinsync, "f.txt", "three\n", last);
  expect(kinsync.syncedAmong([...first, ...second], since)).toEqual([]);
});

for (const [kind, name, apiVersion] of [
  ["ReplicaSet", "rs/x", "apps/v1"],
  ["ReplicationController", "rc/x", "v1"],
] as const) {
  const replicas = (count: number, spec: PodSpec): Workload => ({
    apiVersion,
    kind,
    metadata: { name: "x" },
    spec: {
      replicas: count,
      selector: kind === "ReplicaSet" ? { matchLabels: { app: "x" } } : { app: "x" },
      template: { metadata: { labels: { app: "x" } }, spec },
    },
  });
  const body = async (fixture: Fixture): Promise<void> => {
    const { cluster, kubectl } = fixture;
    const spec = podSpec(container(cluster.image));
    await fixture.create(replicas(2, spec));
    const first = await fixture.running(2, APP);
    const kinsync = await fixture.upWithFile(name);
    await fixture.expectMembers(name, states(first, "current"));
    await kubectl.patch(name, { spec: { replicas: 3 } });
    const three = await fixture.running(3, APP);
    await fixture.untilSame(three);
    await fixture.expectMembers(name, states(three, "current"));

    // Without the label the controller releases the pod, and creates another one.
    const [released] = three;
    if (released === undefined) throw new Error("there is no pod");
    await kubectl.patch(`pod/${released.metadata.name}`, { metadata: { labels: { app: "other" } } });
    const others = await fixture.until("three others run", async () => {
      const pods = (await kubectl.pods(APP)).filter((pod) => isRunning(pod));
      return pods.length === 3 && !pods.some(isOneOf([released])) && pods;
    });
    const since = kinsync.mark();
    await fixture.untilSame(others);
    await fixture.expectMembers(name, states(others, "current"));
    await fixture.save(kinsync, "f.txt", "two\n", others);
    expect((await fixture.list(released))?.["f.txt"]).toBe("file: one\n");
    expect(kinsync.syncedAmong([released], since)).toEqual([]);

    // Deleted without its pods, and created again, it adopts them.
    await kubectl.delete(name, "--cascade=orphan");
    await fixture.create(replicas(3, spec));
    await fixture.until("the pods are adopted", async () => {
      const { metadata } = await kubectl.get(name);
      const pods = await kubectl.pods(APP);
      return pods.length === 3 && pods.every((pod) => pod.metadata.ownerReferences?.[0]?.uid === metadata.uid);
    });
    await fixture.expectMembers(name, states(others, "current"));
    await fixture.save(kinsync, "f.txt", "three\n", others);
  };
  if (kind === "ReplicaSet") situation("a ReplicaSet releases and adopts pods", { timeout: 180_000 }, body);
  else situation("a ReplicationController releases and adopts pods", { timeout: 180_000 }, body);
}

situation("a Job that retries, is suspended and resumed", { timeout: 180_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  await fixture.create(indexedJob("x", 2, failingOnRequest(cluster.image), { app: "x" }, { backoffLimit: 3 }));
  const first = await fixture.running(2, APP);
  const kinsync = await fixture.upWithFile("job/x");
  await fixture.expectMembers("job/x", states(first, "current"));
  const failed = first.slice(0, 1);
  await failPods(kubectl, failed);
  const [retry] = await newPods(fixture, first, 1);
  const running = [...first.slice(1), ...(retry === undefined ? [] : [retry])];
  await fixture.untilSame(running);
  await fixture.expectMembers("job/x", { ...states(failed, "finished"), ...states(running, "current") });
  await fixture.save(kinsync, "f.txt", "two\n", running);

  const since = kinsync.mark();
  await kubectl.patch("job/x", { spec: { suspend: true } });
  await fixture.until("no pod runs", async () => !(await kubectl.pods(APP)).some((pod) => isRunning(pod)));
  await fixture.until("terminating pods are gone", async () => !(await kubectl.pods(APP)).some(isTerminating));
  await fixture.expectMembers("job/x", states(await kubectl.pods(APP), "finished"));
  await kubectl.patch("job/x", { spec: { suspend: false } });
  const fresh = await newPods(fixture, [...first, ...running], 2);
  await fixture.untilSame(fresh);
  const ended = (await kubectl.pods(APP)).filter((pod) => !isOneOf(fresh)(pod));
  await fixture.expectMembers("job/x", { ...states(ended, "finished"), ...states(fresh, "current") });
  await fixture.save(kinsync, "f.txt", "three\n", fresh);
  expect(kinsync.syncedAmong([...first, ...running], since)).toEqual([]);
});

situation("an elastic Job that is resized, deleted and created again", { timeout: 180_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  await fixture.create(indexedJob("x", 2, lingering(cluster.image), { app: "x" }));
  const first = await fixture.running(2, APP);
  const kinsync = await fixture.upWithFile("job/x");
  await fixture.expectMembers("job/x", states(first, "current"));
  await kubectl.patch("job/x", { spec: { parallelism: 3, completions: 3 } });
  const three = await fixture.running(3, APP);
  await fixture.untilSame(three);
  await fixture.expectMembers("job/x", states(three, "current"));
  await fixture.save(kinsync, "f.txt", "two\n", three);
  await kubectl.patch("job/x", { spec: { parallelism: 1, completions: 1 } });
  const leaving = await fixture.until("two pods terminate", async () => {
    const pods = (await kubectl.pods(APP)).filter(isTerminating);
    return pods.length === 2 && pods;
  });
  const left = three.filter((pod) => !isOneOf(leaving)(pod));
  await fixture.expectMembers("job/x", { ...states(left, "current"), ...states(leaving, "terminating") });
  await fixture.save(kinsync, "f.txt", "three\n", left);
  for (const pod of leaving) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: two\n" });

  const since = kinsync.mark();
  await releasePods(kubectl, three);
  await kubectl.delete("job/x", "--cascade=foreground");
  await fixture.create(indexedJob("x", 2, podSpec(container(cluster.image)), { app: "x" }));
  const fresh = await newPods(fixture, three, 2);
  await fixture.untilSame(fresh);
  await fixture.until("the old pods are gone", async () => (await kubectl.pods(APP)).length === 2);
  await fixture.expectMembers("job/x", states(fresh, "current"));
  await fixture.save(kinsync, "f.txt", "four\n", fresh);
  expect(kinsync.syncedAmong(three, since)).toEqual([]);
});

situation("a CronJob whose next Job replaces the former one", { timeout: 300_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  await fixture.create({
    apiVersion: "batch/v1",
    kind: "CronJob",
    metadata: { name: "x" },
    spec: {
      schedule: "* * * * *",
      concurrencyPolicy: "Replace",
      jobTemplate: { spec: indexedJobSpec(1, lingering(cluster.image), { app: "x" }) },
    },
  } as Workload);
  const first = await fixture.until(
    "the first Job runs",
    async () => {
      const pods = (await kubectl.pods(APP)).filter((pod) => isRunning(pod));
      return pods.length === 1 && pods;
    },
    { timeout: 90_000 },
  );
  const kinsync = await fixture.upWithFile("cj/x");
  await fixture.expectMembers("cj/x", states(first, "current"));
  await fixture.save(kinsync, "f.txt", "two\n", first);
  const second = await fixture.until(
    "the second Job runs",
    async () => {
      const pods = (await kubectl.pods(APP)).filter((pod) => isRunning(pod) && !isOneOf(first)(pod));
      return pods.length === 1 && pods;
    },
    { timeout: 90_000 },
  );
  // One is enough.
  await kubectl.patch("cj/x", { spec: { suspend: true } });
  await fixture.untilSame(second);
  // The controller has deleted the former Job at once, so that the CronJob no longer owns the terminating pod.
  await fixture.expectMembers("cj/x", states(second, "current"));
  await fixture.save(kinsync, "f.txt", "three\n", second);
  for (const pod of first) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: two\n" });

  await kubectl.run(["create", "job", "by-hand", "--from=cronjob/x"]);
  const [manual] = await newPods(fixture, [...first, ...second], 1);
  const both = [...second, ...(manual === undefined ? [] : [manual])];
  await fixture.untilSame(both);
  await fixture.expectMembers("cj/x", states(both, "current"));
  await fixture.save(kinsync, "f.txt", "four\n", both);
  await releasePods(kubectl, [...first, ...both]);
});

function daemonSet(spec: PodSpec, updateStrategy: object): Workload {
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name: "x" },
    spec: {
      selector: { matchLabels: { app: "x" } },
      updateStrategy,
      template: { metadata: { labels: { app: "x" } }, spec },
    },
  };
}

interface DaemonSetStatus {
  readonly desiredNumberScheduled?: number;
}

/** Waits until the DaemonSet has a pod on each node. */
function allRun(fixture: Fixture): Promise<readonly Pod[]> {
  return replaced(fixture, []);
}

/** Waits until a DaemonSet has as many pods as nodes, none of these, and all run. */
function replaced(fixture: Fixture, old: readonly Pod[]): Promise<readonly Pod[]> {
  return fixture.until("each node has its pod", async () => {
    const status: DaemonSetStatus = (await fixture.kubectl.get("ds/x")).status ?? {};
    const pods = await fixture.kubectl.pods(APP);
    const isWhole = pods.length > 0 && pods.length === status.desiredNumberScheduled;
    return isWhole && pods.every((pod) => isRunning(pod) && !isOneOf(old)(pod)) && pods;
  });
}

/** Waits until pods run that are not of these. */
function newPods(fixture: Fixture, old: readonly Pod[], count: number): Promise<readonly Pod[]> {
  return fixture.until(`${count} new pods run`, async () => {
    const pods = (await fixture.kubectl.pods(APP)).filter((pod) => !isOneOf(old)(pod) && isRunning(pod));
    return pods.length === count && pods;
  });
}
