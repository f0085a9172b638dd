import { expect } from "vitest";
import { container, deployment, IDLE, podSpec, SEED } from "../manifests.ts";
import { isRunning } from "../objects.ts";
import type { KubeObject, Pod } from "../objects.ts";
import { situation } from "../situation.ts";
import { fingerprint } from "../stage.ts";
import type { Stage } from "../stage.ts";

const WEB = "app=web";

/** Pods of this version become ready only where the gate was open at their start, or when somebody makes /tmp/ready. */
function gated(image: string, version: string): Readonly<Record<string, unknown>> {
  const script = `${SEED}; [ "$GATE" != open ] || touch /tmp/ready; ${IDLE}`;
  const gate = { name: "GATE", valueFrom: { configMapKeyRef: { name: "gate", key: "gate" } } };
  return podSpec(
    container(image, script, {
      env: [gate, { name: "VERSION", value: version }],
      readinessProbe: { exec: { command: ["test", "-e", "/tmp/ready"] }, periodSeconds: 1 },
    }),
  );
}

function versionOf(pod: Pod): string {
  const { containers } = pod.spec as { containers: { env: { name: string; value?: string }[] }[] };
  return containers[0]?.env.find(({ name }) => name === "VERSION")?.value ?? "";
}

async function untilRolledOut(stage: Stage, version: string, replicas: number): Promise<readonly Pod[]> {
  return stage.until(`${replicas} pods of version ${version} are all there is`, async () => {
    const pods = await stage.kubectl.pods(WEB);
    return pods.length === replicas && pods.every((pod) => isRunning(pod) && versionOf(pod) === version) && pods;
  });
}

situation(
  "a Deployment in the middle of a rollback: only pods of the older ReplicaSet, used again, get the file",
  {},
  async (stage) => {
    const { kubectl, project, world } = stage;
    const gate = (state: string): object => ({ data: { gate: state } });
    await stage.create(
      { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "gate" }, ...gate("open") },
      deployment("web", 3, gated(world.image, "1"), {
        strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 2, maxUnavailable: 0 } },
      }),
    );
    await untilRolledOut(stage, "1", 3);
    await kubectl.patch("deployment/web", { spec: { template: { spec: gated(world.image, "2") } } });
    const second = await untilRolledOut(stage, "2", 3);
    await kubectl.patch("configmap/gate", gate("closed"));
    await kubectl.patch("deployment/web", { spec: { template: { spec: gated(world.image, "1") } } });
    const middle = await stage.running(5, WEB);
    const first = middle.filter((pod) => versionOf(pod) === "1");
    expect(first).toHaveLength(2);

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
    expect(await stage.states("deploy/web")).toEqual(
      Object.fromEntries(middle.map((pod) => [pod.metadata.name, versionOf(pod) === "1" ? "current" : "superseded"])),
    );
    expect(await fingerprint(kubectl, "deployment/web")).toEqual(before);

    await kubectl.patch("configmap/gate", gate("open"));
    for (const { metadata } of first) await kubectl.run(["exec", metadata.name, "--", "touch", "/tmp/ready"]);
    const last = await untilRolledOut(stage, "1", 3);
    await stage.same(last);
    await stage.save(kinsync, "f.txt", "three\n", last);
  },
);

situation(
  "a pod is taken out of its Deployment by its label: it is left alone, its replacement is caught up",
  {},
  async (stage) => {
    const { kubectl, project, world } = stage;
    await stage.create(deployment("web", 2, podSpec(container(world.image))));
    const pods = await stage.running(2, WEB);
    const [released, kept] = pods;
    if (released === undefined || kept === undefined) throw new Error("two pods run");
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("deploy/web");
    await kinsync.ready();
    await stage.save(kinsync, "f.txt", "two\n", pods);

    await kubectl.run(["label", "pod", released.metadata.name, "app=elsewhere", "--overwrite"]);
    await kinsync.until(
      "the pod is no member any more",
      ({ event, uid, state }) => event === "member" && uid === released.metadata.uid && state === "gone",
    );
    const after = await stage.running(2, WEB);
    await stage.same(after);
    await stage.save(kinsync, "f.txt", "three\n", after);
    expect(await stage.look(released)).toEqual({ "f.txt": "file: two\n" });
    expect(Object.keys(await stage.states("deploy/web"))).not.toContain(released.metadata.name);
  },
);

situation("a Deployment that is scaled up and down: each pod that comes is caught up", {}, async (stage) => {
  const { kubectl, project, world } = stage;
  await stage.create(deployment("web", 1, podSpec(container(world.image))));
  await stage.running(1, WEB);
  await project.writeAll({ "src/f.txt": "one\n", "src/lib/a.txt": "a\n" });
  const kinsync = stage.up("deploy/web");
  await kinsync.ready();
  await kubectl.run(["scale", "deployment/web", "--replicas", "3"]);
  const three = await stage.running(3, WEB);
  await stage.same(three);
  await stage.save(kinsync, "f.txt", "two\n", three);
  await kubectl.run(["scale", "deployment/web", "--replicas", "1"]);
  const left = await stage.running(1, WEB);
  await stage.save(kinsync, "f.txt", "three\n", left);
});

situation(
  "a Deployment of no pods: sync says so and ends with 4; up waits and serves the first one",
  {},
  async (stage) => {
    const { kubectl, project, world } = stage;
    await stage.create(deployment("web", 0, podSpec(container(world.image))));
    await project.write("src/f.txt", "one\n");
    const once = await stage.sync("deploy/web", { args: ["--wait", "2s"] });
    expect(once.end.code).toBe(4);
    const kinsync = stage.up("deploy/web");
    expect(await kinsync.ready()).toMatchObject({ members: 0, targets: 0, synced: 0 });
    await kubectl.run(["scale", "deployment/web", "--replicas", "1"]);
    await stage.same(await stage.running(1, WEB));
  },
);
