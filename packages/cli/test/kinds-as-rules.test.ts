import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createPlayground, IDLE, type Playground } from "./support/playground.ts";
import { createWorkplace, type Ran, type Workplace } from "./support/run.ts";

let playground: Playground;
let place: Workplace;

const CRD = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "studios.example.com" },
  spec: {
    group: "example.com",
    scope: "Namespaced",
    names: { kind: "Studio", plural: "studios", singular: "studio" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
      },
    ],
  },
};

function template(part: string, more: object = {}): object {
  const container = { name: "main", image: "playground/busybox", command: ["sh", "-c", IDLE], ...more };
  return {
    metadata: { labels: { part } },
    spec: {
      terminationGracePeriodSeconds: 0,
      restartPolicy: part === "seed" ? "Never" : "Always",
      containers: [container],
    },
  };
}

/** A Deployment or a Job of the Studio. */
function child(apiVersion: string, kind: string, part: string, uid: string, spec: object): object {
  const owner = { apiVersion: "example.com/v1", kind: "Studio", name: "main", uid, controller: true };
  return {
    apiVersion,
    kind,
    metadata: { name: `main-${part}`, namespace: "default", labels: { part }, ownerReferences: [owner] },
    spec,
  };
}

function deployment(part: string, uid: string, more: object = {}): object {
  const spec = { replicas: 2, selector: { matchLabels: { part } }, template: template(part, more) };
  return child("apps/v1", "Deployment", part, uid, spec);
}

let uid = "";

beforeAll(async () => {
  playground = await createPlayground();
  place = await createWorkplace({
    "src/main.py": "print(1)\n",
    "kinsync.config.yaml": "workloads: [{ workload: studio/main, sync: [{ from: src, to: /app, roles: [api] }] }]\n",
  });
  playground.apply(CRD);
  const [studio] = playground.apply({
    apiVersion: "example.com/v1",
    kind: "Studio",
    metadata: { name: "main", namespace: "default" },
  });
  uid = studio?.metadata.uid ?? "";
  playground.apply(deployment("api", uid) as never);
  playground.apply(deployment("web", uid) as never);
  playground.apply(child("batch/v1", "Job", "seed", uid, { template: template("seed") }) as never);
});

afterAll(async () => {
  await place[Symbol.asyncDispose]();
  await playground[Symbol.asyncDispose]();
});

async function run(argv: readonly string[]): Promise<Ran> {
  return await place.run(argv, { env: { KUBECONFIG: playground.kubeconfigPath } });
}

interface SeenMember {
  readonly role: string | null;
  readonly state: string;
}

async function members(): Promise<readonly SeenMember[]> {
  const { stdout, stderr } = await run(["tree", "studio/main", "-o", "json"]);
  if (stdout === "") throw new Error(stderr);
  return (JSON.parse(stdout) as { readonly members: readonly SeenMember[] }).members;
}

test("kinds new prints rules that leave the children of an unknown CRD to their kinds", async () => {
  await vi.waitFor(async () => expect((await members()).length).toBe(5), { timeout: 20_000, interval: 200 });
  const { code, stdout } = await run(["kinds", "new", "studio/main"]);
  expect(code).toBe(0);
  expect(stdout.split("\n").filter((line) => !line.startsWith("#"))).toEqual([
    "name: studio",
    "root: { group: example.com, version: v1, kind: Studio }",
    "children:",
    "  - { group: apps, version: v1, kind: Deployment, delegate: true }",
    "  - { group: batch, version: v1, kind: Job, delegate: true }",
    "",
  ]);
});

test("kinds new refuses a workload that has a kind", async () => {
  const { code, stderr } = await run(["kinds", "new", "deploy/main-api"]);
  expect(code).toBe(2);
  expect(stderr).toContain("deploy/main-api is supported already, by the kind deployment");
});

test("a file in kinds/ serves a CRD with roles, and in a rollout of one Deployment only its new pods are current", async () => {
  const rules = await readFile(new URL("../../../examples/rules/studio.kind.yaml", import.meta.url), "utf8");
  await mkdir(join(place.path, "kinds"));
  await writeFile(join(place.path, "kinds/studio.kind.yaml"), rules);
  const before = await members();
  expect(before.map(({ role, state }) => `${role ?? "-"} ${state}`).toSorted()).toEqual([
    "api current",
    "api current",
    "seed current",
    "web current",
    "web current",
  ]);
  // The new pod never starts, so the rollout stays half done.
  playground.apply(deployment("web", uid, { command: ["/does/not/exist"] }) as never);
  await vi.waitFor(
    async () => {
      const states = (await members()).map(({ role, state }) => `${role ?? "-"} ${state}`).toSorted();
      expect(states).toContain("web superseded");
      expect(states).toContain("web current");
      expect(states.filter((state) => state === "api current")).toHaveLength(2);
      expect(states).not.toContain("api superseded");
    },
    { timeout: 20_000, interval: 200 },
  );
});

test("explain shows the rule that fitted, with its line and its values", async () => {
  await writeFile(
    join(place.path, "kinds/studio.kind.yaml"),
    [
      "name: studio",
      "root: { group: example.com, version: v1, kind: Studio }",
      "watches:",
      "  - { group: apps, version: v1, kind: Deployment }",
      "  - { group: apps, version: v1, kind: ReplicaSet }",
      "  - { group: batch, version: v1, kind: Job }",
      "role: labels.part",
      "rules:",
      "  - { if: labels.part == 'seed', state: helper, code: seed, message: it fills the database }",
      "  - { state: current, code: alive }",
    ].join("\n"),
  );
  const { stdout } = await run(["explain", "studio/main"]);
  expect(stdout).toContain("helper: it fills the database");
  expect(stdout).toContain("rule = rules[0] (kinds/studio.kind.yaml:9)");
  expect(stdout).toContain("labels.part = seed");
});

test("rules that are wrong stop a command with file, line and expression", async () => {
  await writeFile(
    join(place.path, "kinds/studio.kind.yaml"),
    "name: studio\nroot: { group: example.com, version: v1, kind: Studio }\nrole: lables.part\n",
  );
  const { code, stderr } = await run(["tree", "studio/main"]);
  expect(code).toBe(2);
  expect(stderr).toContain("kinds/studio.kind.yaml:3:7: role: lables is not a variable here in `lables.part`");
  expect(stderr).toContain("Did you mean labels?");
});
