import { createPlayground, IDLE, podManifest, untilRunning } from "../../../packages/cli/test/support/playground.ts";
import type { Playground } from "../../../packages/cli/test/support/playground.ts";
import type { Workplace } from "../../../packages/cli/test/support/run.ts";
import { deployment, jobSet, statefulSet } from "../../../packages/cli/test/line/worlds.ts";

/** What a mistake is made with: a cluster and a folder. */
export interface Fixture {
  readonly playground: Playground;
  readonly place: Workplace;
}

/** The cluster that all mistakes share. */
export async function startCluster(): Promise<Playground> {
  const playground = await createPlayground();
  const inNamespace = (namespace: string, name: string) => {
    const object = deployment(name, 1, "1");
    return { ...object, metadata: { ...object.metadata, namespace } };
  };
  const namespace = (name: string) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
  const selector = { app: "web" };
  playground.apply([
    namespace("shop"),
    namespace("blog"),
    podManifest({ name: "app" }),
    podManifest({ name: "taken" }),
    deployment("web", 2, "1"),
    deployment("zero", 0, "1"),
    inNamespace("shop", "cart"),
    inNamespace("shop", "both"),
    inNamespace("blog", "both"),
    jobSet("train", 2),
    statefulSet("db", 1, "1"),
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web", namespace: "default" },
      spec: { selector, ports: [{ port: 80 }] },
    },
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "settings", namespace: "default" },
      data: { "app.yaml": "a: 1\n" },
    },
    podManifest({ name: "pending", spec: { nodeSelector: { gpu: "yes" } } }),
    podManifest({ name: "noimage", container: { image: "registry.example/nothing:1" } }),
    podManifest({ name: "crash", container: { command: ["sh", "-c", "exit 1"] } }),
    podManifest({ name: "done", container: { command: ["sh", "-c", "exit 0"] }, spec: { restartPolicy: "Never" } }),
    podManifest({
      name: "folder",
      container: { command: ["sh", "-c", `mkdir -p conf data; echo k >data/keep.txt; ${IDLE}`] },
    }),
  ]);
  await untilRunning(playground, "app", "taken", "folder", "db-0");
  return playground;
}

/** True if containers of the playground have file systems of their own on this machine. */
export async function isConfined(): Promise<boolean> {
  await using probe = await createPlayground();
  return (await probe.kubelet.confinement).kind === "confined";
}
