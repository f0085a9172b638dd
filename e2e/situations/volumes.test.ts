import type { V1PersistentVolume, V1PersistentVolumeClaim } from "@kubernetes/client-node";
import { expect } from "vitest";
import type { Fixture } from "../harness/fixture.ts";
import { container, IDLE, pod, podSpec, statefulSet } from "../harness/manifests.ts";
import type { Plain, Pod } from "../harness/objects.ts";
import { isRunning } from "../harness/pods.ts";
import { situation } from "../harness/situation.ts";

const TO = "/data/code";

/** A claim that many pods may mount. The playground needs no object: all pods that name a claim share it. */
async function createClaim(fixture: Fixture): Promise<void> {
  const { cluster, kubectl, namespace } = fixture;
  if (cluster.settings.target === "playground") return;
  const spec = { accessModes: ["ReadWriteMany"], storageClassName: "", volumeName: namespace };
  const volume: Plain<V1PersistentVolume> = {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: namespace },
    spec: {
      accessModes: spec.accessModes,
      capacity: { storage: "1Gi" },
      hostPath: { path: `/tmp/${namespace}`, type: "DirectoryOrCreate" },
      persistentVolumeReclaimPolicy: "Retain",
    },
  };
  const claim: Plain<V1PersistentVolumeClaim> = {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "code" },
    spec: { ...spec, resources: { requests: { storage: "1Gi" } } },
  };
  await kubectl.create(volume, claim);
  fixture.defer(() => kubectl.delete(`pv/${namespace}`, "--wait=false"));
}

/** A StatefulSet of three pods that mount the claim at /data. */
async function threeOnOneClaim(fixture: Fixture): Promise<readonly Pod[]> {
  await createClaim(fixture);
  const volumes = [{ name: "code", persistentVolumeClaim: { claimName: "code" } }];
  const volumeMounts = [{ name: "code", mountPath: "/data" }];
  const main = container(fixture.cluster.image, IDLE, { volumeMounts });
  await fixture.create(statefulSet("db", 3, podSpec(main, { volumes })));
  return fixture.running(3);
}

const configOf = (transport: unknown): string =>
  JSON.stringify({ workloads: [{ workload: "sts/db", sync: [{ from: "src", to: TO, transport }] }] });

situation("a claim is written through one member, and another takes over", { timeout: 300_000 }, async (fixture) => {
  const { kubectl, project } = fixture;
  const pods = await threeOnOneClaim(fixture);
  await project.writeAll({ "src/f.txt": "one\n", "kinsync.config.json": configOf("volume") });
  const kinsync = fixture.start(["up", "-o", "json"]);
  expect(await kinsync.ready()).toMatchObject({ targets: 3, synced: 3 });
  await fixture.untilSame(pods, { to: TO });
  const sent = kinsync.events.filter(({ event, files = 0 }) => event === "synced" && files > 0);
  expect(sent).toHaveLength(1);

  // The first pod writes for all of them.
  await kubectl.delete("pod/db-0", "--grace-period=1");
  await project.write("src/f.txt", "two\n");
  await fixture.untilSame(pods.slice(1), { to: TO });
  const all = await fixture.until("the new db-0 runs", async () => {
    const running = (await kubectl.pods()).filter((each) => isRunning(each));
    return running.length === 3 && running.every(({ metadata }) => metadata.uid !== pods[0]?.metadata.uid) && running;
  });
  await project.write("src/f.txt", "three\n");
  await fixture.untilSame(all, { to: TO });
  expect(kinsync.events.filter(({ event }) => event === "failed" || event === "halted")).toEqual([]);
  expect((await kinsync.interrupt()).code).toBe(130);
});

situation("a claim is written through a pod that is not a member", { timeout: 300_000 }, async (fixture) => {
  const { cluster, project } = fixture;
  const pods = await threeOnOneClaim(fixture);
  const volumes = [{ name: "code", persistentVolumeClaim: { claimName: "code" } }];
  const volumeMounts = [{ name: "code", mountPath: "/claim" }];
  await fixture.create(pod("helper", podSpec(container(cluster.image, IDLE, { volumeMounts }), { volumes })));
  await fixture.running(4);
  await project.writeAll({
    "src/f.txt": "one\n",
    "src/folder/g.txt": "g\n",
    "kinsync.config.json": configOf(["volume", { pod: "helper" }]),
  });
  const { code, stdout } = await fixture.start(["sync", "-o", "json"]).ended;
  expect(code).toBe(0);
  expect(stdout).toContain("in pod/helper");
  await fixture.untilSame(pods, { to: TO });
});
