import type { V1ConfigMap } from "@kubernetes/client-node";
import { expect } from "vitest";
import type { Fixture } from "../harness/fixture.ts";
import type { KinsyncProcess } from "../harness/kinsync-process.ts";
import { container, deployment, IDLE, podSpec } from "../harness/manifests.ts";
import type { KubeObject, Plain, Pod } from "../harness/objects.ts";
import { grantPrintedRoles } from "../harness/printed-roles.ts";
import { situation } from "../harness/situation.ts";

/** A kubelet updates a volume within its sync period of a minute, and the age of the ConfigMaps that it keeps. */
const KUBELET_MS = 180_000;

const CONFIG = {
  writesApi: ["configmap"],
  workloads: [{ workload: "deploy/web", sync: [{ from: "conf", to: "/etc/app", transport: "configmap" }] }],
};

/** A ConfigMap as it is stored. */
interface StoredMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/** A Deployment of two pods that mount the ConfigMap `app` at /etc/app. */
async function twoWithConfigMap(fixture: Fixture): Promise<readonly Pod[]> {
  const app: Plain<V1ConfigMap> = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "app" },
    data: { theirs: "1\n" },
  };
  const volumes = [{ name: "app", configMap: { name: "app" } }];
  const volumeMounts = [{ name: "app", mountPath: "/etc/app" }];
  const main = container(fixture.cluster.image, IDLE, { volumeMounts });
  await fixture.create(app, deployment("web", 2, podSpec(main, { volumes })));
  return fixture.running(2);
}

/** What a program in each pod reads, past kinsync. */
async function expectShown({ kubectl }: Fixture, pods: readonly Pod[], text: string): Promise<void> {
  for (const { metadata } of pods) {
    expect(await kubectl.run(["exec", metadata.name, "--", "cat", "/etc/app/app.conf"])).toBe(text);
  }
}

/** Waits until each pod is reported as accepted, and later as synced. */
async function untilSynced(kinsync: KinsyncProcess, pods: readonly Pod[], since: number): Promise<void> {
  for (const { metadata } of pods) {
    for (const status of ["accepted", "synced"]) {
      await kinsync.until(
        `${metadata.name} is ${status}`,
        (each) => each.event === "target" && each.uid === metadata.uid && each.status === status,
        { since, timeout: KUBELET_MS },
      );
    }
  }
}

situation("a ConfigMap is written once and shown by every member", { timeout: 900_000 }, async (fixture) => {
  const { kubectl, project } = fixture;
  const pods = await twoWithConfigMap(fixture);
  const stored = () => kubectl.get<StoredMap>("configmap/app");
  const { uid } = (await stored()).metadata;
  await project.writeAll({ "conf/app.conf": "level = 1\n", "kinsync.config.json": JSON.stringify(CONFIG) });
  await grantPrintedRoles(fixture);

  const kinsync = fixture.start(["up", "-o", "json"]);
  await untilSynced(kinsync, pods, 0);
  await expectShown(fixture, pods, "level = 1\n");
  expect((await stored()).data).toEqual({ theirs: "1\n", "app.conf": "level = 1\n" });

  const saved = kinsync.mark();
  await project.write("conf/app.conf", "level = 2\n");
  await untilSynced(kinsync, pods, saved);
  await expectShown(fixture, pods, "level = 2\n");
  expect(await stored()).toMatchObject({ metadata: { uid }, data: { theirs: "1\n", "app.conf": "level = 2\n" } });

  // Somebody else changes the key: kinsync names it, and does not take it back.
  await kubectl.patch("configmap/app", { data: { "app.conf": "by hand\n" } });
  const refused = kinsync.mark();
  await project.write("conf/app.conf", "level = 3\n");
  await kinsync.until("the conflict is named", ({ code }) => code === "KINSYNC_TARGET_FOREIGN", { since: refused });
  expect((await stored()).data).toEqual({ theirs: "1\n", "app.conf": "by hand\n" });
  expect((await kinsync.interrupt()).code).toBe(130);
});

situation("a ConfigMap mounted with a subPath is refused by name", {}, async (fixture) => {
  const { kubectl, project } = fixture;
  const app: Plain<V1ConfigMap> = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "app" },
    data: { "app.conf": "1\n" },
  };
  const volumes = [{ name: "app", configMap: { name: "app" } }];
  const volumeMounts = [{ name: "app", mountPath: "/etc/app/app.conf", subPath: "app.conf" }];
  const main = container(fixture.cluster.image, IDLE, { volumeMounts });
  await fixture.create(app, deployment("web", 1, podSpec(main, { volumes })));
  await fixture.running(1);
  const sync = [{ from: "conf/app.conf", to: "/etc/app/app.conf", transport: "configmap" }];
  const config = { writesApi: ["configmap"], workloads: [{ workload: "deploy/web", sync }] };
  await project.writeAll({ "conf/app.conf": "2\n", "kinsync.config.json": JSON.stringify(config) });
  await grantPrintedRoles(fixture);
  const { code, stdout } = await fixture.start(["sync", "-o", "json"]).ended;
  expect(code).toBe(3);
  expect(stdout).toContain("which the kubelet never updates");
  expect(await kubectl.get("configmap/app")).toMatchObject({ data: { "app.conf": "1\n" } });
});
