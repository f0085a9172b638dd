import { expect } from "vitest";
import { container, deployment, gated, gateMap, letGo, lingering, openGate, podSpec } from "../harness/manifests.ts";
import { isRunning, isTerminating } from "../harness/objects.ts";
import type { KubeObject, Pod } from "../harness/objects.ts";
import { situation } from "../harness/situation.ts";
import { fingerprint } from "../harness/fixture.ts";
import type { Stage } from "../harness/fixture.ts";
import { isOneOf, states } from "../harness/pods.ts";

const WEB = "app=web";

/** Of three pods, none goes before a new one is ready, and two new ones come at once. */
const SURGE = { strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 2, maxUnavailable: 0 } } };

situation(
  "a Deployment in the middle of a rollout: pods that are still to be replaced get nothing any more, the new ones do",
  {},
  async (stage) => {
    const { kubectl, project, world } = stage;
    await stage.create(gateMap("open"), deployment("web", 3, gated(world.image, "1"), SURGE));
    const first = await untilRolledOut(stage, "1", 3);
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("deploy/web");
    await kinsync.ready();
    await stage.save(kinsync, "f.txt", "two\n", first);
    await stage.truth("deploy/web", states(first, "current"));

    await kubectl.patch("configmap/gate", gateMap("closed"));
    await kubectl.patch("deployment/web", { spec: { template: { spec: gated(world.image, "2") } } });
    const second = await newPods(stage, first, 2);
    await stage.same(second);
    await stage.truth("deploy/web", { ...states(first, "superseded"), ...states(second, "current") });
    await stage.save(kinsync, "f.txt", "three\n", second);
    for (const pod of first) expect(await stage.look(pod)).toEqual({ "f.txt": "file: two\n" });

    await kubectl.patch("configmap/gate", gateMap("open"));
    await openGate(kubectl, second);
    const last = await untilRolledOut(stage, "2", 3);
    await stage.same(last);
    await stage.truth("deploy/web", states(last, "current"));
    await stage.save(kinsync, "f.txt", "four\n", last);
  },
);

situation(
  "a Deployment in the middle of a rollback: only pods of the older ReplicaSet, used again, get the file",
  {},
  async (stage) => {
    const { kubectl, project, world } = stage;
    await stage.create(gateMap("open"), deployment("web", 3, gated(world.image, "1"), SURGE));
    await untilRolledOut(stage, "1", 3);
    await kubectl.patch("deployment/web", { spec: { template: { spec: gated(world.image, "2") } } });
    const second = await untilRolledOut(stage, "2", 3);
    await stage.truth("deploy/web", states(second, "current"));
    await kubectl.patch("configmap/gate", gateMap("closed"));
    await kubectl.patch("deployment/web", { spec: { template: { spec: gated(world.image, "1") } } });
    const first = await newPods(stage, second, 2);
    for (const pod of first) expect(versionOf(pod)).toBe("1");

    // The world is one in which "the newest owner wins" is wrong: the ReplicaSet of version 2 is the younger one.
    const sets = await kubectl.list<KubeObject>("replicasets", WEB);
    expect(sets).toHaveLength(2);
    const [older, newer] = sets.toSorted((a, b) =>
      a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp),
    );
    for (const pod of first) expect(pod.metadata.ownerReferences?.[0]?.uid).toBe(older?.metadata.uid);
    for (const pod of second) expect(pod.metadata.ownerReferences?.[0]?.uid).toBe(newer?.metadata.uid);
    const before = await fingerprint(kubectl, "deployment/web");

    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("deploy/web");
    expect(await kinsync.ready()).toMatchObject({ members: 5, targets: 2, synced: 2 });
    await stage.save(kinsync, "f.txt", "two\n", first);
    for (const pod of second) expect(await stage.look(pod)).toEqual({ "f.txt": "file: old\n" });
    await stage.truth("deploy/web", { ...states(first, "current"), ...states(second, "superseded") });
    expect(await fingerprint(kubectl, "deployment/web")).toEqual(before);

    await kubectl.patch("configmap/gate", gateMap("open"));
    await openGate(kubectl, first);
    const last = await untilRolledOut(stage, "1", 3);
    await stage.same(last);
    await stage.truth("deploy/web", states(last, "current"));
    await stage.save(kinsync, "f.txt", "three\n", last);
  },
);

situation(
  "a Deployment that is paused in the middle of a rollout: what runs of the present revision is served, a further change waits",
  {},
  async (stage) => {
    const { kubectl, project, world } = stage;
    await stage.create(gateMap("open"), deployment("web", 3, gated(world.image, "1"), SURGE));
    const first = await untilRolledOut(stage, "1", 3);
    await kubectl.patch("configmap/gate", gateMap("closed"));
    await kubectl.patch("deployment/web", { spec: { template: { spec: gated(world.image, "2") } } });
    const second = await newPods(stage, first, 2);
    await kubectl.patch("deployment/web", { spec: { paused: true } });
    const middle = { ...states(first, "superseded"), ...states(second, "current") };
    await stage.truth("deploy/web", middle);

    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("deploy/web");
    expect(await kinsync.ready()).toMatchObject({ members: 5, targets: 2, synced: 2 });
    await kinsync.until("it is paused", ({ event, reason }) => event === "note" && /paused/.test(reason ?? ""));
    await kubectl.patch("deployment/web", { spec: { template: { spec: gated(world.image, "3") } } });
    await stage.truth("deploy/web", middle);
    await stage.save(kinsync, "f.txt", "two\n", second);
    for (const pod of first) expect(await stage.look(pod)).toEqual({ "f.txt": "file: old\n" });
    expect(await kubectl.list("replicasets", WEB)).toHaveLength(2);

    await kubectl.patch("configmap/gate", gateMap("open"));
    await kubectl.patch("deployment/web", { spec: { paused: false } });
    const last = await untilRolledOut(stage, "3", 3);
    await stage.same(last);
    await stage.truth("deploy/web", states(last, "current"));
    await stage.save(kinsync, "f.txt", "three\n", last);
  },
);

situation(
  "a Deployment that recreates: while the old pods end there is nobody to write to, the new ones are caught up",
  {},
  async (stage) => {
    const { kubectl, project, world } = stage;
    const stubborn = (version: string): ReturnType<typeof podSpec> =>
      lingering(world.image, { env: [{ name: "VERSION", value: version }] });
    await stage.create(deployment("web", 2, stubborn("1"), { strategy: { type: "Recreate" } }));
    const old = await untilRolledOut(stage, "1", 2);
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("deploy/web");
    await kinsync.ready();
    await stage.save(kinsync, "f.txt", "two\n", old);
    await stage.truth("deploy/web", states(old, "current"));

    const since = kinsync.mark();
    await kubectl.patch("deployment/web", { spec: { template: { spec: stubborn("2") } } });
    await stage.until("the old pods are told to end", async () => (await kubectl.pods(WEB)).every(isTerminating));
    await stage.truth("deploy/web", states(old, "terminating"));
    await project.write("src/f.txt", "three\n");
    await kinsync.noticed("f.txt", since);
    for (const pod of old) expect(await stage.look(pod)).toEqual({ "f.txt": "file: two\n" });
    await letGo(kubectl, old);

    const fresh = await untilRolledOut(stage, "2", 2);
    await stage.same(fresh);
    await stage.truth("deploy/web", states(fresh, "current"));
    await stage.save(kinsync, "f.txt", "four\n", fresh);
    expect(kinsync.servedOf(old, since)).toEqual([]);
  },
);

situation(
  "a rollout whose pods cannot start: it is said why they wait; a rollback gives the old ones what was saved meanwhile",
  {},
  async (stage) => {
    const { kubectl, project, world } = stage;
    const good = podSpec(container(world.image));
    const missing = podSpec(container("localhost/no-such-image:1", undefined, { imagePullPolicy: "Never" }));
    await stage.create(deployment("web", 2, good, { ...SURGE }));
    const old = await stage.running(2, WEB);
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("deploy/web");
    await kinsync.ready();
    await stage.save(kinsync, "f.txt", "two\n", old);
    await stage.truth("deploy/web", states(old, "current"));

    const since = kinsync.mark();
    await kubectl.patch("deployment/web", { spec: { template: { spec: missing } } });
    const broken = await stage.until("two pods wait for an image", async () => {
      const pods = (await kubectl.pods(WEB)).filter((pod) => !isOneOf(old)(pod));
      return pods.length === 2 && pods;
    });
    for (const { metadata } of broken) {
      await kinsync.until(
        `${metadata.name} waits, and why`,
        ({ event, uid, status, reason }) =>
          event === "target" && uid === metadata.uid && status === "waiting" && /ErrImage|ImagePull/.test(reason ?? ""),
        { since },
      );
    }
    await stage.truth("deploy/web", { ...states(old, "superseded"), ...states(broken, "current") });
    await project.write("src/f.txt", "three\n");
    await kinsync.noticed("f.txt", since);
    for (const pod of old) expect(await stage.look(pod)).toEqual({ "f.txt": "file: two\n" });

    await kubectl.patch("deployment/web", { spec: { template: { spec: good } } });
    await stage.until("the broken pods are gone", async () => (await kubectl.pods(WEB)).length === 2);
    await stage.same(old);
    await stage.truth("deploy/web", states(old, "current"));
    await stage.save(kinsync, "f.txt", "four\n", old);
  },
);

function versionOf(pod: Pod): string {
  const { containers } = pod.spec as { containers: { env?: { name: string; value?: string }[] }[] };
  return containers[0]?.env?.find(({ name }) => name === "VERSION")?.value ?? "";
}

async function untilRolledOut(stage: Stage, version: string, replicas: number): Promise<readonly Pod[]> {
  return stage.until(`${replicas} pods of version ${version} are all there is`, async () => {
    const pods = await stage.kubectl.pods(WEB);
    return pods.length === replicas && pods.every((pod) => isRunning(pod) && versionOf(pod) === version) && pods;
  });
}

/** Waits until so many new pods run beside all of the old ones, and gives the new ones. */
async function newPods(stage: Stage, old: readonly Pod[], count: number): Promise<readonly Pod[]> {
  const all = await stage.running(old.length + count, WEB);
  expect(all.filter(isOneOf(old))).toHaveLength(old.length);
  return all.filter((pod) => !isOneOf(old)(pod));
}
