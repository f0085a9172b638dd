// A user of plugins that others published: the packed CLI loads them by name from a config in YAML, judges the members of an Experiment
// with the kind, and delivers files with the transport; compiled and run by scripts/check-packages.ts.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { createPlayground } from "@kinsync/playground";

const playground = await createPlayground();
const { store, kubelet } = playground;

const GROUP = "lab.example.com";
const container = {
  name: "main",
  image: "playground/busybox",
  command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.05; done"],
};

playground.apply([
  {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `experiments.${GROUP}` },
    spec: {
      group: GROUP,
      scope: "Namespaced",
      names: { kind: "Experiment", plural: "experiments", singular: "experiment" },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
        },
      ],
    },
  },
  {
    apiVersion: `${GROUP}/v1`,
    kind: "Experiment",
    metadata: { name: "pendulum", namespace: "default" },
    spec: { run: 2 },
  },
]);
const uid = store.get(`experiments.${GROUP}`, "default", "pendulum")?.metadata.uid ?? "";
const ownerReferences = [{ apiVersion: `${GROUP}/v1`, kind: "Experiment", name: "pendulum", uid, controller: true }];

/** The driver of a run has a volume of its own. */
const driver = (run: number) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: `driver-${run}`, namespace: "default", labels: { [`${GROUP}/run`]: `${run}` }, ownerReferences },
  spec: {
    containers: [{ ...container, volumeMounts: [{ name: "data", mountPath: "/data" }] }],
    volumes: [{ name: "data", persistentVolumeClaim: { claimName: `data-${run}` } }],
  },
});

const actors = (run: number, arm: string) => ({
  apiVersion: "batch/v1",
  kind: "Job",
  metadata: {
    name: `${arm}-${run}`,
    namespace: "default",
    labels: { [`${GROUP}/run`]: `${run}`, [`${GROUP}/arm`]: arm },
    ownerReferences,
  },
  spec: {
    completionMode: "Indexed",
    template: { spec: { restartPolicy: "Never", containers: [container] } },
  },
});

playground.apply([driver(1), driver(2), actors(2, "baseline"), actors(2, "variant")]);
const pods = await playground.until(
  () => {
    const found = store.list("pods", "default");
    return found.length === 4 && found.every(({ status }) => status?.["phase"] === "Running") && found;
  },
  { what: "four pods to run", timeout: 30_000 },
);
const podOf = (arm: string): string =>
  pods.find(({ metadata }) => metadata.name.startsWith(`${arm}-`))?.metadata.name ?? "";

mkdirSync("src", { recursive: true });
writeFileSync("src/agent.py", 'print("swing")\n');
writeFileSync("variant.yaml", "damping: 0.2\n");
writeFileSync(
  "kinsync.config.yaml",
  `
kinds: [kinsync-kind-experiment]
transports:
  - [kinsync-transport-share, { claims: { data-2: ${JSON.stringify(kubelet.pathOf("default", "driver-2", "main", "/data"))} } }]
workloads:
  - workload: experiment/pendulum
    sync:
      - { from: src, to: /data/src, roles: [driver], transport: share }
      - { from: variant.yaml, to: /app/arm.yaml, labels: { arm: variant } }
`,
);

async function kinsync(...args: readonly string[]): Promise<{ readonly code: number; readonly stdout: string }> {
  const env = { ...process.env, KUBECONFIG: playground.kubeconfigPath };
  try {
    const { stdout } = await promisify(execFile)(join("node_modules", ".bin", "kinsync"), args, {
      env,
      timeout: 60_000,
    });
    return { code: 0, stdout };
  } catch (error) {
    const { code, stdout } = error as { readonly code: unknown; readonly stdout: string };
    if (typeof code !== "number") throw error;
    return { code, stdout };
  }
}

const tree = JSON.parse((await kinsync("tree", "experiment/pendulum", "-o", "json")).stdout) as {
  readonly workload: { readonly rule: string };
  readonly members: readonly {
    readonly pod: string;
    readonly state: string;
    readonly role?: string;
    readonly labels: Readonly<Record<string, string>>;
  }[];
};
assert.equal(tree.workload.rule, "experiment");
assert.deepEqual(
  Object.fromEntries(tree.members.map(({ pod, state, role, labels }) => [pod, { state, role, labels }])),
  {
    "driver-1": { state: "superseded", role: "driver", labels: {} },
    "driver-2": { state: "current", role: "driver", labels: {} },
    [podOf("baseline")]: { state: "current", role: "actor", labels: { arm: "baseline" } },
    [podOf("variant")]: { state: "current", role: "actor", labels: { arm: "variant" } },
  },
);

// Exit code 3: `share` reports that the files were accepted, and nothing proves that they are visible already.
const { code, stdout } = await kinsync("sync");
assert.equal(code, 3, stdout);
const read = (pod: string, path: string): string | undefined => {
  const local = kubelet.pathOf("default", pod, "main", path);
  return existsSync(local) ? readFileSync(local, "utf8") : undefined;
};
assert.deepEqual(
  {
    current: read("driver-2", "/data/src/agent.py"),
    superseded: read("driver-1", "/data/src/agent.py"),
    variant: read(podOf("variant"), "/app/arm.yaml"),
    baseline: read(podOf("baseline"), "/app/arm.yaml"),
  },
  { current: 'print("swing")\n', superseded: undefined, variant: "damping: 0.2\n", baseline: undefined },
);
await playground.close();
process.stdout.write("consumer-plugins ok\n");
