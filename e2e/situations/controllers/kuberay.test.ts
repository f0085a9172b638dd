import { expect } from "vitest";
import { allow } from "../../harness/allow.ts";
import type { Fixture } from "../../harness/fixture.ts";
import { container, gateMap, lingering, podSpec } from "../../harness/manifests.ts";
import type { PodSpec } from "../../harness/manifests.ts";
import type { KubeObject, Pod } from "../../harness/objects.ts";
import { openGate, releasePods } from "../../harness/pod-triggers.ts";
import { isOneOf, isRunning, isTerminating, states } from "../../harness/pods.ts";
import { rayClusterSpec, rayHead, rayObject } from "../../harness/ray-manifests.ts";
import { situation } from "../../harness/situation.ts";

const CLUSTER = "raycluster/demo";
const SERVICE = "rayservice/serve";
const JOB = "rayjob/batch";

situation("a RayCluster updates its head and its workers", { timeout: 240_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  const worker = (version: string): PodSpec => lingering(cluster.image, { env: [{ name: "VERSION", value: version }] });
  const spec = (workers: number, version: string, more = {}) =>
    rayClusterSpec(rayHead(cluster.image), worker(version), workers, more);
  await fixture.create(gateMap("open"), rayObject("RayCluster", "demo", spec(2, "1")));
  const first = await fixture.running(3);
  await allow(fixture, CLUSTER);
  const kinsync = await fixture.upWithFile(CLUSTER);
  await fixture.expectMembers(CLUSTER, states(first, "current"));
  await fixture.save(kinsync, "f.txt", "two\n", first);
  expect((await rolesOf(fixture, CLUSTER)).toSorted()).toEqual(["head", "small", "small"]);

  await kubectl.patch(CLUSTER, { spec: spec(3, "1") });
  const more = await fixture.running(4);
  await fixture.untilSame(more);
  await fixture.expectMembers(CLUSTER, states(more, "current"));

  const [chosen] = more.filter(isWorker);
  if (chosen === undefined) throw new Error("the RayCluster has no worker");
  const workersToDelete = [chosen.metadata.name];
  await kubectl.patch(CLUSTER, { spec: spec(2, "1", { scaleStrategy: { workersToDelete } }) });
  const leaving = await fixture.until("the chosen worker terminates", async () => {
    const pods = (await kubectl.pods()).filter(isTerminating);
    return pods.length === 1 && pods;
  });
  expect(leaving.every(isOneOf([chosen]))).toBe(true);
  const left = more.filter((pod) => pod !== chosen);
  await fixture.expectMembers(CLUSTER, { ...states(left, "current"), ...states(leaving, "terminating") });
  await fixture.save(kinsync, "f.txt", "three\n", left);
  for (const pod of leaving) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: two\n" });
  await releasePods(kubectl, leaving);

  // A changed template applies to pods that are created from now on; the others stay. A lost worker is replaced once it is gone.
  await kubectl.patch(CLUSTER, { spec: spec(2, "2") });
  const lost = left.filter(isWorker).slice(0, 1);
  await kubectl.delete(`pod/${lost[0]?.metadata.name}`, "--wait=false");
  await releasePods(kubectl, lost);
  const mixed = await fixture.until("a worker of the second version runs", async () => {
    const pods = (await kubectl.pods()).filter((pod) => isRunning(pod));
    return pods.length === 3 && pods.some((pod) => versionOf(pod) === "2") && pods;
  });
  await fixture.until("three pods exist", async () => (await kubectl.pods()).length === 3);
  await fixture.untilSame(mixed);
  await fixture.expectMembers(CLUSTER, states(mixed, "current"));
  await fixture.save(kinsync, "f.txt", "four\n", mixed);
});

situation("a suspended and resumed RayCluster updates its new pods only", { timeout: 180_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  await fixture.create(
    rayObject("RayCluster", "demo", rayClusterSpec(lingering(cluster.image), lingering(cluster.image), 2)),
  );
  const first = await fixture.running(3);
  await allow(fixture, CLUSTER);
  const kinsync = await fixture.upWithFile(CLUSTER);
  await fixture.save(kinsync, "f.txt", "two\n", first);
  await fixture.expectMembers(CLUSTER, states(first, "current"));

  const since = kinsync.mark();
  await kubectl.patch(CLUSTER, { spec: { suspend: true } });
  await fixture.until("all pods terminate", async () => (await kubectl.pods()).every(isTerminating));
  await fixture.expectMembers(CLUSTER, states(first, "terminating"));
  await fixture.project.write("src/f.txt", "three\n");
  await kinsync.untilChanged("f.txt", since);
  for (const pod of first) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: two\n" });
  await releasePods(kubectl, first);
  await fixture.until("no pods are left", async () => (await kubectl.pods()).length === 0);

  await kubectl.patch(CLUSTER, { spec: { suspend: false } });
  const fresh = await fixture.running(3);
  await fixture.untilSame(fresh);
  await fixture.expectMembers(CLUSTER, states(fresh, "current"));
  await fixture.save(kinsync, "f.txt", "four\n", fresh);
  expect(kinsync.syncedAmong(first, since)).toEqual([]);
});

situation("a RayCluster that is deleted and created again is updated", { timeout: 180_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  const spec = podSpec(container(cluster.image));
  const demo = rayObject("RayCluster", "demo", rayClusterSpec(spec, spec, 2));
  await fixture.create(demo);
  const first = await fixture.running(3);
  await allow(fixture, CLUSTER);
  const kinsync = await fixture.upWithFile(CLUSTER);
  await fixture.expectMembers(CLUSTER, states(first, "current"));
  const since = kinsync.mark();
  await kubectl.delete(CLUSTER, "--cascade=foreground");
  await fixture.create(demo);
  const fresh = await fixture.running(3);
  expect(fresh.filter(isOneOf(first))).toEqual([]);
  await fixture.untilSame(fresh);
  await fixture.expectMembers(CLUSTER, states(fresh, "current"));
  await fixture.save(kinsync, "f.txt", "two\n", fresh);
  expect(kinsync.syncedAmong(first, since)).toEqual([]);
});

situation("a RayService updates both clusters until the switch", { timeout: 300_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  const spec = (version: string) => {
    const worker = podSpec(container(cluster.image, undefined, { env: [{ name: "VERSION", value: version }] }));
    return { serveConfigV2: "applications: []\n", rayClusterConfig: rayClusterSpec(rayHead(cluster.image), worker, 1) };
  };
  await fixture.create(gateMap("open"), rayObject("RayService", "serve", spec("1")));
  const first = await serving(fixture, []);
  await allow(fixture, SERVICE);
  const kinsync = await fixture.upWithFile(SERVICE);
  await fixture.expectMembers(SERVICE, states(first, "current"));

  await kubectl.patch("configmap/gate", gateMap("closed"));
  await kubectl.patch(SERVICE, { spec: spec("2") });
  const second = await newPods(fixture, first, 2);
  await fixture.untilSame(second);
  await fixture.expectMembers(SERVICE, { ...states(first, "kept"), ...states(second, "current") });
  await fixture.save(kinsync, "f.txt", "two\n", [...first, ...second]);

  // The operator deletes the former cluster a minute after the switch.
  await openGate(
    kubectl,
    second.filter((pod) => !isWorker(pod)),
  );
  await serving(fixture, first);
  await fixture.expectMembers(SERVICE, { ...states(first, "superseded"), ...states(second, "current") });
  await fixture.save(kinsync, "f.txt", "three\n", second);
  for (const pod of first) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: two\n" });

  // Back to the first version: with a third RayCluster.
  await kubectl.patch(SERVICE, { spec: spec("1") });
  const third = await newPods(fixture, [...first, ...second], 2);
  await fixture.untilSame(third);
  await fixture.until("the first RayCluster is gone", async () => !(await kubectl.pods()).some(isOneOf(first)), {
    timeout: 120_000,
  });
  await fixture.expectMembers(SERVICE, { ...states(second, "kept"), ...states(third, "current") });
  await fixture.save(kinsync, "f.txt", "four\n", [...second, ...third]);
});

situation("a RayJob that is suspended and resumed has a new cluster", { timeout: 240_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  const submitter = podSpec(container(cluster.image), { restartPolicy: "Never" });
  const rayClusterSpecOfJob = rayClusterSpec(rayHead(cluster.image), podSpec(container(cluster.image)), 1);
  const spec = {
    entrypoint: "true",
    // The operator refuses to suspend a RayJob without it.
    shutdownAfterJobFinishes: true,
    rayClusterSpec: rayClusterSpecOfJob,
    submitterPodTemplate: { spec: submitter },
  };
  await fixture.create(gateMap("open"), rayObject("RayJob", "batch", spec));
  const first = await fixture.running(3);
  await allow(fixture, JOB);
  const kinsync = await fixture.upWithFile(JOB);
  await fixture.expectMembers(JOB, judged(first));
  await fixture.save(kinsync, "f.txt", "two\n", first.filter(isOfCluster));

  const since = kinsync.mark();
  await kubectl.patch(JOB, { spec: { suspend: true } });
  await fixture.until("no pods are left", async () => (await kubectl.pods()).length === 0);
  await kubectl.patch(JOB, { spec: { suspend: false } });
  const fresh = await fixture.running(3);
  await fixture.untilSame(fresh.filter(isOfCluster));
  await fixture.expectMembers(JOB, judged(fresh));
  await fixture.save(kinsync, "f.txt", "three\n", fresh.filter(isOfCluster));
  expect(kinsync.syncedAmong([...first, ...fresh.filter((pod) => !isOfCluster(pod))], since)).toEqual([]);
});

interface RayService extends KubeObject {
  readonly status?: {
    readonly activeServiceStatus?: { readonly rayClusterName?: string };
    readonly pendingServiceStatus?: { readonly rayClusterName?: string };
  };
}

/** Waits until one RayCluster serves, and no other one is pending. @returns its pods, of a head and a worker */
function serving(fixture: Fixture, old: readonly Pod[]): Promise<readonly Pod[]> {
  return fixture.until("one RayCluster serves", async () => {
    const { status } = await fixture.kubectl.get<RayService>(SERVICE);
    const active = status?.activeServiceStatus?.rayClusterName ?? "";
    if (active === "" || (status?.pendingServiceStatus?.rayClusterName ?? "") !== "") return undefined;
    const pods = (await fixture.kubectl.pods(`ray.io/cluster=${active}`)).filter((pod) => isRunning(pod));
    return pods.length === 2 && !pods.some(isOneOf(old)) && pods;
  });
}

/** Waits until pods run that are not of these. */
function newPods(fixture: Fixture, old: readonly Pod[], count: number): Promise<readonly Pod[]> {
  return fixture.until(`${count} new pods run`, async () => {
    const pods = (await fixture.kubectl.pods()).filter((pod) => !isOneOf(old)(pod) && isRunning(pod));
    return pods.length === count && pods;
  });
}

/** The truth about the pods of a RayJob that runs. */
function judged(pods: readonly Pod[]): Readonly<Record<string, string>> {
  return {
    ...states(pods.filter(isOfCluster), "current"),
    ...states(
      pods.filter((pod) => !isOfCluster(pod)),
      "helper",
    ),
  };
}

function isOfCluster({ metadata }: KubeObject): boolean {
  return metadata.labels?.["ray.io/node-type"] !== undefined;
}

function isWorker({ metadata }: KubeObject): boolean {
  return metadata.labels?.["ray.io/node-type"] === "worker";
}

function versionOf({ spec }: Pod): string | undefined {
  return spec.containers[0]?.env?.find(({ name }) => name === "VERSION")?.value;
}

async function rolesOf(fixture: Fixture, workload: string): Promise<readonly string[]> {
  const { members } = await fixture.tree(workload);
  return members.map(({ role = "" }) => role);
}
