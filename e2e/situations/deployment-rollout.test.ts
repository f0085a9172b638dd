import { expect } from "vitest";
import { fingerprint } from "../harness/fixture.ts";
import type { Fixture } from "../harness/fixture.ts";
import { container, deployment, gated, gateMap, lingering, podSpec } from "../harness/manifests.ts";
import type { KubeObject, Pod } from "../harness/objects.ts";
import { openGate, releasePods } from "../harness/pod-triggers.ts";
import { isOneOf, isRunning, isTerminating, states } from "../harness/pods.ts";
import { situation } from "../harness/situation.ts";

const WEB = "app=web";

/** Of three pods, none is deleted before a new one is ready, and two new ones are created at once. */
const SURGE = { strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 2, maxUnavailable: 0 } } };

situation("a Deployment rollout updates only pods of the new ReplicaSet", {}, async (fixture) => {
  const { cluster, kubectl } = fixture;
  await fixture.create(gateMap("open"), deployment("web", 3, gated(cluster.image, "1"), SURGE));
  const first = await untilRolledOut(fixture, "1", 3);
  const kinsync = await fixture.upWithFile("deploy/web");
  await fixture.save(kinsync, "f.txt", "two\n", first);
  await fixture.expectMembers("deploy/web", states(first, "current"));

  await kubectl.patch("configmap/gate", gateMap("closed"));
  await kubectl.patch("deployment/web", { spec: { template: { spec: gated(cluster.image, "2") } } });
  const second = await newPods(fixture, first, 2);
  await fixture.untilSame(second);
  await fixture.expectMembers("deploy/web", { ...states(first, "superseded"), ...states(second, "current") });
  await fixture.save(kinsync, "f.txt", "three\n", second);
  for (const pod of first) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: two\n" });

  await kubectl.patch("configmap/gate", gateMap("open"));
  await openGate(kubectl, second);
  const last = await untilRolledOut(fixture, "2", 3);
  await fixture.untilSame(last);
  await fixture.expectMembers("deploy/web", states(last, "current"));
  await fixture.save(kinsync, "f.txt", "four\n", last);
});

situation("a rollback to an older ReplicaSet updates only its pods", {}, async (fixture) => {
  const { cluster, kubectl, project } = fixture;
  await fixture.create(gateMap("open"), deployment("web", 3, gated(cluster.image, "1"), SURGE));
  await untilRolledOut(fixture, "1", 3);
  await kubectl.patch("deployment/web", { spec: { template: { spec: gated(cluster.image, "2") } } });
  const second = await untilRolledOut(fixture, "2", 3);
  await fixture.expectMembers("deploy/web", states(second, "current"));
  await kubectl.patch("configmap/gate", gateMap("closed"));
  await kubectl.patch("deployment/web", { spec: { template: { spec: gated(cluster.image, "1") } } });
  const first = await newPods(fixture, second, 2);
  for (const pod of first) expect(versionOf(pod)).toBe("1");

  // "The newest owner wins" is wrong here: the ReplicaSet of version 2 is the younger one.
  const sets = await kubectl.list<KubeObject>("replicasets", WEB);
  expect(sets).toHaveLength(2);
  // By their pods: creation timestamps count whole seconds, and both ReplicaSets may be of the same one.
  const newer = sets.find(({ metadata }) => metadata.uid === second[0]?.metadata.ownerReferences?.[0]?.uid);
  const older = sets.find((set) => set !== newer);
  for (const pod of first) expect(pod.metadata.ownerReferences?.[0]?.uid).toBe(older?.metadata.uid);
  for (const pod of second) expect(pod.metadata.ownerReferences?.[0]?.uid).toBe(newer?.metadata.uid);
  expect(Date.parse(older?.metadata.creationTimestamp ?? "")).toBeLessThanOrEqual(
    Date.parse(newer?.metadata.creationTimestamp ?? ""),
  );
  const before = await fingerprint(kubectl, "deployment/web");

  await project.write("src/f.txt", "one\n");
  const kinsync = fixture.up("deploy/web");
  expect(await kinsync.ready()).toMatchObject({ members: 5, targets: 2, synced: 2 });
  await fixture.save(kinsync, "f.txt", "two\n", first);
  for (const pod of second) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: old\n" });
  await fixture.expectMembers("deploy/web", { ...states(first, "current"), ...states(second, "superseded") });
  expect(await fingerprint(kubectl, "deployment/web")).toEqual(before);

  await kubectl.patch("configmap/gate", gateMap("open"));
  await openGate(kubectl, first);
  const last = await untilRolledOut(fixture, "1", 3);
  await fixture.untilSame(last);
  await fixture.expectMembers("deploy/web", states(last, "current"));
  await fixture.save(kinsync, "f.txt", "three\n", last);
});

situation("a paused rollout updates only pods of the newest ReplicaSet", {}, async (fixture) => {
  const { cluster, kubectl, project } = fixture;
  await fixture.create(gateMap("open"), deployment("web", 3, gated(cluster.image, "1"), SURGE));
  const first = await untilRolledOut(fixture, "1", 3);
  await kubectl.patch("configmap/gate", gateMap("closed"));
  await kubectl.patch("deployment/web", { spec: { template: { spec: gated(cluster.image, "2") } } });
  const second = await newPods(fixture, first, 2);
  await kubectl.patch("deployment/web", { spec: { paused: true } });
  const middle = { ...states(first, "superseded"), ...states(second, "current") };
  await fixture.expectMembers("deploy/web", middle);

  await project.write("src/f.txt", "one\n");
  const kinsync = fixture.up("deploy/web");
  expect(await kinsync.ready()).toMatchObject({ members: 5, targets: 2, synced: 2 });
  await kinsync.until("the rollout is paused", ({ event, reason }) => event === "note" && /paused/.test(reason ?? ""));
  await kubectl.patch("deployment/web", { spec: { template: { spec: gated(cluster.image, "3") } } });
  await fixture.expectMembers("deploy/web", middle);
  await fixture.save(kinsync, "f.txt", "two\n", second);
  for (const pod of first) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: old\n" });
  expect(await kubectl.list("replicasets", WEB)).toHaveLength(2);

  await kubectl.patch("configmap/gate", gateMap("open"));
  await kubectl.patch("deployment/web", { spec: { paused: false } });
  const last = await untilRolledOut(fixture, "3", 3);
  await fixture.untilSame(last);
  await fixture.expectMembers("deploy/web", states(last, "current"));
  await fixture.save(kinsync, "f.txt", "three\n", last);
});

situation("a Recreate rollout updates no pod until new pods run", {}, async (fixture) => {
  const { cluster, kubectl, project } = fixture;
  const spec = (version: string): ReturnType<typeof podSpec> =>
    lingering(cluster.image, { env: [{ name: "VERSION", value: version }] });
  await fixture.create(deployment("web", 2, spec("1"), { strategy: { type: "Recreate" } }));
  const old = await untilRolledOut(fixture, "1", 2);
  const kinsync = await fixture.upWithFile("deploy/web");
  await fixture.save(kinsync, "f.txt", "two\n", old);
  await fixture.expectMembers("deploy/web", states(old, "current"));

  const since = kinsync.mark();
  await kubectl.patch("deployment/web", { spec: { template: { spec: spec("2") } } });
  await fixture.until("the old pods terminate", async () => (await kubectl.pods(WEB)).every(isTerminating));
  await fixture.expectMembers("deploy/web", states(old, "terminating"));
  await project.write("src/f.txt", "three\n");
  await kinsync.untilChanged("f.txt", since);
  for (const pod of old) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: two\n" });
  await releasePods(kubectl, old);

  const fresh = await untilRolledOut(fixture, "2", 2);
  await fixture.untilSame(fresh);
  await fixture.expectMembers("deploy/web", states(fresh, "current"));
  await fixture.save(kinsync, "f.txt", "four\n", fresh);
  expect(kinsync.syncedAmong(old, since)).toEqual([]);
});

situation("a rollback of a failed rollout updates the old pods", {}, async (fixture) => {
  const { cluster, kubectl, project } = fixture;
  const good = podSpec(container(cluster.image));
  const missing = podSpec(container("localhost/no-such-image:1", undefined, { imagePullPolicy: "Never" }));
  await fixture.create(deployment("web", 2, good, { ...SURGE }));
  const old = await fixture.running(2, WEB);
  const kinsync = await fixture.upWithFile("deploy/web");
  await fixture.save(kinsync, "f.txt", "two\n", old);
  await fixture.expectMembers("deploy/web", states(old, "current"));

  const since = kinsync.mark();
  await kubectl.patch("deployment/web", { spec: { template: { spec: missing } } });
  const broken = await fixture.until("two pods wait for an image", async () => {
    const pods = (await kubectl.pods(WEB)).filter((pod) => !isOneOf(old)(pod));
    return pods.length === 2 && pods;
  });
  for (const { metadata } of broken) {
    await kinsync.until(
      `${metadata.name} waits, with a reason`,
      ({ event, uid, status, reason }) =>
        event === "target" && uid === metadata.uid && status === "waiting" && /ErrImage|ImagePull/.test(reason ?? ""),
      { since },
    );
  }
  await fixture.expectMembers("deploy/web", { ...states(old, "superseded"), ...states(broken, "current") });
  await project.write("src/f.txt", "three\n");
  await kinsync.untilChanged("f.txt", since);
  for (const pod of old) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: two\n" });

  await kubectl.patch("deployment/web", { spec: { template: { spec: good } } });
  await fixture.until("the broken pods no longer exist", async () => (await kubectl.pods(WEB)).length === 2);
  await fixture.untilSame(old);
  await fixture.expectMembers("deploy/web", states(old, "current"));
  await fixture.save(kinsync, "f.txt", "four\n", old);
});

function versionOf(pod: Pod): string {
  return pod.spec.containers[0]?.env?.find(({ name }) => name === "VERSION")?.value ?? "";
}

async function untilRolledOut(fixture: Fixture, version: string, replicas: number): Promise<readonly Pod[]> {
  return fixture.until(`exactly ${replicas} pods exist, of version ${version}`, async () => {
    const pods = await fixture.kubectl.pods(WEB);
    return pods.length === replicas && pods.every((pod) => isRunning(pod) && versionOf(pod) === version) && pods;
  });
}

/** Waits until this number of new pods runs beside all old ones. @returns the new pods */
async function newPods(fixture: Fixture, old: readonly Pod[], count: number): Promise<readonly Pod[]> {
  const all = await fixture.running(old.length + count, WEB);
  expect(all.filter(isOneOf(old))).toHaveLength(old.length);
  return all.filter((pod) => !isOneOf(old)(pod));
}
