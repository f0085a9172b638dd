import { afterAll, beforeAll, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { createPlayground, IDLE, podManifest, untilRunning, type Playground } from "../support/playground.ts";
import { restrictTo, type GrantedRule } from "../support/role.ts";
import { createWorkplace, type Workplace } from "../support/run.ts";

interface Printed {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly GrantedRule[];
  readonly subjects?: readonly unknown[];
}

let playground: Playground;
let place: Workplace;

const CONFIG = {
  workloads: [
    { workload: "deploy/web", sync: [{ from: "src", to: "src" }] },
    { workload: "pod/app", namespace: "blog", sync: [{ from: "src", to: "src" }] },
  ],
};

beforeAll(async () => {
  playground = await createPlayground();
  place = await createWorkplace({ "src/a.txt": "1", "kinsync.config.json": JSON.stringify(CONFIG) });
  const labels = { app: "web" };
  const container = { name: "main", image: "playground/busybox", command: ["sh", "-c", IDLE] };
  playground.apply([
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "blog" } },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "web", namespace: "default" },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { terminationGracePeriodSeconds: 0, containers: [container] } },
      },
    },
  ]);
  const pod = podManifest({ name: "app" });
  playground.apply({ ...pod, metadata: { ...pod.metadata, namespace: "blog" } });
  playground.apply(podManifest({ name: "other" }));
  await untilRunning(playground, "other");
});

afterAll(async () => {
  await place[Symbol.asyncDispose]();
  await playground[Symbol.asyncDispose]();
});

function run(...argv: readonly string[]) {
  return place.run(argv, { env: { KUBECONFIG: playground.kubeconfigPath } });
}

function parse(yaml: string): readonly Printed[] {
  return parseAllDocuments(yaml).map((document) => document.toJS() as Printed);
}

/** The rules of roles, each with the namespace of its role. */
function rulesOf(printed: readonly Printed[]): readonly GrantedRule[] {
  return printed.flatMap(({ rules = [], metadata: { namespace } }) => rules.map((rule) => ({ ...rule, namespace })));
}

test("the printed roles suffice for a sync, and without any one of their rules it fails", async () => {
  const { code, stdout, stderr } = await run("rbac", "--bind-serviceaccount", "ci:deployer", "--bind-user", "ada");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const printed = parse(stdout);
  expect(printed.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ""}/${metadata.name}`)).toEqual([
    "Role blog/kinsync",
    "Role default/kinsync",
    "RoleBinding blog/kinsync",
    "RoleBinding default/kinsync",
  ]);
  expect(printed[2]?.subjects).toEqual([
    { kind: "User", name: "ada", apiGroup: "rbac.authorization.k8s.io" },
    { kind: "ServiceAccount", name: "deployer", namespace: "ci" },
  ]);
  const rules = rulesOf(printed);
  const namespaces = ["default", "blog"];
  try {
    await restrictTo(playground, rules, namespaces);
    const whole = await run("sync", "--wait", "20");
    expect(whole.stdout + whole.stderr).toMatch(/deploy\/web: 1 of 1 container up to date\npod\/app: 1 of 1/);
    expect(whole.code).toBe(0);
    for (const removed of rules) {
      await restrictTo(
        playground,
        rules.filter((rule) => rule !== removed),
        namespaces,
      );
      const ran = await run("sync", "--wait", "1");
      expect(ran.code, `without ${JSON.stringify(removed)}: ${ran.stdout}${ran.stderr}`).not.toBe(0);
    }
  } finally {
    playground.faults.allow();
  }
});

test("a workload that is not in the config gets a role with exec, and nothing of the others", async () => {
  const { code, stdout } = await run("rbac", "pod/other");
  expect(code).toBe(0);
  expect(rulesOf(parse(stdout))).toEqual([
    { apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"], namespace: "default" },
    { apiGroups: [""], resources: ["pods/exec"], verbs: ["get", "create"], namespace: "default" },
  ]);
});

test("rules that kinsync can do without are marked, and left out on request", async () => {
  playground.apply({
    apiVersion: "jobset.x-k8s.io/v1alpha2",
    kind: "JobSet",
    metadata: { name: "train", namespace: "default" },
    spec: { replicatedJobs: [] },
  });
  await place.write("empty/package.json", "{}");
  const argv = ["rbac", "jobset/train"];
  const options = { env: { KUBECONFIG: playground.kubeconfigPath }, cwd: `${place.path}/empty` };
  const config = ["--config", "../jobset.json"];
  await place.write(
    "jobset.json",
    JSON.stringify({ workloads: [{ workload: "jobset/train", sync: CONFIG.workloads[0]?.sync }] }),
  );
  const all = await place.run([...argv, ...config], options);
  expect(all.stdout).toMatch(/# optional: without it.*\n\s+- apiGroups:\n\s+- batch\n/);
  const least = await place.run([...argv, ...config, "--required"], options);
  expect(least.stdout).not.toContain("batch");
  expect(least.stdout).toContain("jobsets");
});

test("-o json prints a List, and a service account without a namespace is an error", async () => {
  const { stdout } = await run("rbac", "deploy/web", "-o", "json");
  const list = JSON.parse(stdout) as { kind: string; items: readonly Printed[] };
  expect(list.kind).toBe("List");
  expect(list.items.map(({ kind }) => kind)).toEqual(["Role"]);
  const wrong = await run("rbac", "deploy/web", "--bind-serviceaccount", "deployer");
  expect(wrong.stderr).toMatch(/^error KINSYNC_USAGE: --bind-serviceaccount deployer is not NAMESPACE:NAME\n/);
  expect(wrong.code).toBe(2);
});

test("`forward` of the config brings its rule, marked with what needs it; others are named with their options", async () => {
  const sync = [{ from: "src", to: "src" }];
  const workloads = [
    { workload: "deploy/web", sync, forward: [{ port: 8080 }] },
    { workload: "pod/app", namespace: "blog", sync },
  ];
  await place.write("ports.json", JSON.stringify({ workloads }));
  const { stdout } = await run("rbac", "--config", "ports.json");
  expect(stdout).toMatch(
    /# optional: for `forward` of the config; a sync does not need it\n\s+- apiGroups:\n\s+- ""\n\s+resources:\n\s+- pods\/portforward\n/,
  );
  expect(rulesOf(parse(stdout)).filter(({ resources }) => resources.includes("pods/portforward"))).toEqual([
    { apiGroups: [""], resources: ["pods/portforward"], verbs: ["get", "create"], namespace: "default" },
  ]);
  expect(stdout).toContain("# For `kinsync logs` and `up --logs`, add --logs: get on pods/log.\n");
  const least = await run("rbac", "--config", "ports.json", "--required");
  expect(least.stdout).not.toContain("- pods/portforward");
  const logs = await run("rbac", "--config", "ports.json", "--required", "--logs", "--forward");
  expect(logs.stdout).toContain("- pods/portforward");
  expect(logs.stdout).toContain("- pods/log");
  expect(logs.stdout).not.toContain("add --logs");
});
