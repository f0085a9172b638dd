import { afterAll, beforeAll, expect, test } from "vitest";
import { podManifest, untilRunning } from "./support/playground.ts";
import { TestCluster } from "./support/cluster.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start();
});

afterAll(() => cluster[Symbol.asyncDispose]());

function crd(group: string) {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `boats.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural: "boats", singular: "boat", kind: "Boat", listKind: "BoatList" },
      versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }],
    },
  };
}

test.each<[situation: string, line: string, message: RegExp]>([
  [
    "a workload that is not there",
    "sync pod/ap --sync src:src",
    /^error KINSYNC_RESOLVE_WORKLOAD: there is no pod\/ap in namespace default\n {2}hint: Did you mean pod\/app\?\n$/,
  ],
  [
    "a namespace that is not there",
    "sync pod/app -n defualt --sync src:src",
    /^error KINSYNC_RESOLVE_NAMESPACE: there is no namespace defualt\n {2}hint: Did you mean default\?\n$/,
  ],
  [
    "a kind that is not there",
    "tree deplyoment/web",
    /^error KINSYNC_RESOLVE_KIND: the cluster serves no kind "deplyoment"\n {2}hint: Did you mean deployment/,
  ],
  [
    "a container that is not there",
    "sync pod/app --sync src:src --container mian --wait 1",
    /^error KINSYNC_RESOLVE_CONTAINER: pod\/app sync\[0\]: no member has the container mian; known containers: main\n {2}hint: Did you mean main\?\n$/,
  ],
  [
    "a role that is not there",
    "sync pod/app --sync src:src --role head --wait 1",
    /^error KINSYNC_RESOLVE_ROLE: pod\/app sync\[0\]: no member has the role head; the members have no roles\n {2}hint: See `kinsync tree` for the roles of the members\.\n$/,
  ],
  [
    "a pod that nothing connects with the workload",
    "explain pod/app dnoe",
    /^error KINSYNC_RESOLVE_WORKLOAD: No pod dnoe in namespace default matches Pod app by owner, label or name\n/,
  ],
])("%s is named, with the nearest", async (_situation, line, message) => {
  const { code, stderr } = await cluster.run(line);
  expect(stderr).toMatch(message);
  expect(code).toBe(2);
});

test("a name that fits two kinds is told with both", async () => {
  cluster.playground.apply([crd("a.dev"), crd("b.dev")]);
  const { code, stderr } = await cluster.run("tree boat/x");
  expect(stderr).toMatch(
    /^error KINSYNC_RESOLVE_AMBIGUOUS: "boat" may be any of boat\.a\.dev, boat\.b\.dev\n {2}hint: Name the group too/,
  );
  expect(code).toBe(2);
});

test("a certificate that is not trusted", async () => {
  const config = cluster.playground.kubeconfig.replace(/^\s*certificate-authority-data:.*$/m, "");
  const KUBECONFIG = await cluster.place.write("untrusted", config);
  const { code, stderr } = await cluster.run("tree pod/app", { KUBECONFIG });
  expect(stderr).toMatch(/^error KINSYNC_CLUSTER_CERTIFICATE: /);
  expect(code).toBe(5);
});

test("a token that is refused, and never shown", async () => {
  const KUBECONFIG = await cluster.place.write(
    "refused",
    cluster.playground.kubeconfig.replace(cluster.playground.token, "another-token"),
  );
  const { code, stderr } = await cluster.run("tree pod/app", { KUBECONFIG });
  expect(stderr).toMatch(/^error KINSYNC_CLUSTER_CREDENTIALS: /);
  expect(stderr).not.toContain("another-token");
  expect(code).toBe(5);
});

test("a permission that is missing is told with the rule that would grant it", async () => {
  using _denied = cluster.playground.faults.deny({ verb: "list", resource: "pods" });
  const tree = await cluster.run("tree pod/app");
  expect(tree.stderr).toMatch(/^error KINSYNC_CLUSTER_FORBIDDEN: .*list.*pods/);
  expect(tree.stderr).toMatch(/verbs: \[.*list.*\]/);
  expect(tree.code).toBe(5);
  const sync = await cluster.run("sync pod/app --sync src:src --wait 1");
  expect(sync.stderr).toMatch(/^error KINSYNC_CLUSTER_FORBIDDEN: /);
  expect(sync.code).toBe(5);
});

test("without the right to exec, sync ends at once with the rule to ask for", async () => {
  using _get = cluster.playground.faults.deny({ verb: "get", resource: "pods", subresource: "exec" });
  using _create = cluster.playground.faults.deny({ verb: "create", resource: "pods", subresource: "exec" });
  const started = performance.now();
  const { code, stdout, stderr } = await cluster.run("sync pod/app --sync src:src");
  // Not after --wait, which is a minute.
  expect(performance.now() - started).toBeLessThan(30_000);
  expect(stderr).toMatch(/^error KINSYNC_CLUSTER_FORBIDDEN: Cannot exec into pods in namespace default: /);
  expect(stderr).toContain('resources: ["pods/exec"], verbs: ["get", "create"]');
  expect(stdout).not.toContain("retry");
  expect(code).toBe(5);
});

test("without the right to watch, sync reads again, brings the files and ends with 0", async () => {
  using _denied = cluster.playground.faults.deny({ verb: "watch", resource: "pods" });
  const { code, stdout } = await cluster.run("sync pod/app --sync src:src");
  expect(stdout).toMatch(/note: Cannot watch pods/);
  expect(code).toBe(0);
});

test("two entries that are one workload by another name are refused", async () => {
  const sync = [{ from: "src", to: "twice" }];
  const workloads = [
    { workload: "pod/app", sync },
    { workload: "po/app", sync },
  ];
  await cluster.place.write("twice/kinsync.config.json", JSON.stringify({ workloads }));
  await cluster.place.write("twice/src/x", "x");
  const { code, stderr } = await cluster.run("sync --config twice/kinsync.config.json");
  expect(stderr).toMatch(
    /^error KINSYNC_CONFIG_CONFLICT: pod\/app and po\/app are one workload of namespace default\n/,
  );
  expect(code).toBe(2);
});

test("a Service is refused with the workload of its pods", async () => {
  cluster.playground.apply([
    podManifest({ name: "served", labels: { app: "served" } }),
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "served", namespace: "default" },
      spec: { selector: { app: "served" }, ports: [{ port: 80 }] },
    },
  ]);
  const { code, stderr } = await cluster.run("sync svc/served --sync src:src");
  expect(stderr).toBe(
    "error KINSYNC_RESOLVE_OWNS_NO_PODS: service/served is not a workload: a Service selects pods but does not own them\n" +
      "  hint: Its pods belong to pod/served. Name that instead.\n",
  );
  expect(code).toBe(2);
});

test("a foreign resource whose list fails with 500 does not stop a workload that no kind supports", async () => {
  const uidOf = (group: string, name: string): string => {
    const boat = { apiVersion: `${group}/v1`, kind: "Boat", metadata: { name, namespace: "default" } };
    const [, created] = cluster.playground.apply([crd(group), boat]);
    return created?.metadata.uid ?? "";
  };
  const crew = { apiVersion: "c.dev/v1", kind: "Boat", name: "ferry", uid: uidOf("c.dev", "ferry") };
  const fleet = { apiVersion: "d.dev/v1", kind: "Boat", name: "train", uid: uidOf("d.dev", "train") };
  cluster.playground.apply([
    podManifest({ name: "crew", owner: crew }),
    podManifest({ name: "train-0", owner: fleet }),
    podManifest({ name: "train-1", owner: fleet }),
  ]);
  await untilRunning(cluster.playground, "train-0", "train-1");
  using _fault = cluster.playground.faults.respond({ verb: "list", resource: "boats.c.dev" }, { code: 500 });
  const { code, stdout, stderr } = await cluster.run("sync boats.d.dev/train --sync src:src");
  expect(stdout.match(/Cannot list boats\.c\.dev .* left out until it can be read/g)).toHaveLength(1);
  expect(stderr).toBe("");
  expect(code).toBe(0);
});
