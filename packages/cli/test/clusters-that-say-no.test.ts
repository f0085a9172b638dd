import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createPlayground, podManifest, readIn, untilRunning } from "./support/playground.ts";
import type { Playground } from "./support/playground.ts";
import { createWorkplace } from "./support/run.ts";
import type { Ran, Workplace } from "./support/run.ts";

let playground: Playground;
let place: Workplace;

const confined = await isConfined();

async function isConfined(): Promise<boolean> {
  await using probe = await createPlayground();
  return (await probe.kubelet.confinement).kind === "confined";
}

beforeAll(async () => {
  playground = await createPlayground();
  place = await createWorkplace({ "src/main.py": "print(1)\n" });
  playground.apply([
    podManifest({ name: "app" }),
    podManifest({ name: "done", container: { command: ["true"] }, spec: { restartPolicy: "Never" } }),
  ]);
  await untilRunning(playground, "app");
});

afterAll(async () => {
  await place[Symbol.asyncDispose]();
  await playground[Symbol.asyncDispose]();
});

function run(line: string, env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  return place.run(line.split(" "), { env: { KUBECONFIG: playground.kubeconfigPath, ...env } });
}

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
  const { code, stderr } = await run(line);
  expect(stderr).toMatch(message);
  expect(code).toBe(2);
});

test("a name that fits two kinds is told with both", async () => {
  playground.apply([crd("a.dev"), crd("b.dev")]);
  const { code, stderr } = await run("tree boat/x");
  expect(stderr).toMatch(
    /^error KINSYNC_RESOLVE_AMBIGUOUS: "boat" may be any of boat\.a\.dev, boat\.b\.dev\n {2}hint: Name the group too/,
  );
  expect(code).toBe(2);
});

test("a certificate that is not trusted", async () => {
  const config = playground.kubeconfig.replace(/^\s*certificate-authority-data:.*$/m, "");
  const KUBECONFIG = await place.write("untrusted", config);
  const { code, stderr } = await run("tree pod/app", { KUBECONFIG });
  expect(stderr).toMatch(/^error KINSYNC_CLUSTER_CERTIFICATE: /);
  expect(code).toBe(5);
});

test("a token that is refused, and never shown", async () => {
  const KUBECONFIG = await place.write("refused", playground.kubeconfig.replace(playground.token, "another-token"));
  const { code, stderr } = await run("tree pod/app", { KUBECONFIG });
  expect(stderr).toMatch(/^error KINSYNC_CLUSTER_CREDENTIALS: /);
  expect(stderr).not.toContain("another-token");
  expect(code).toBe(5);
});

test("a permission that is missing is told with the rule that would grant it", async () => {
  using _denied = playground.faults.deny({ verb: "list", resource: "pods" });
  const tree = await run("tree pod/app");
  expect(tree.stderr).toMatch(/^error KINSYNC_CLUSTER_FORBIDDEN: .*list.*pods/);
  expect(tree.stderr).toMatch(/verbs: \[.*list.*\]/);
  expect(tree.code).toBe(5);
  const sync = await run("sync pod/app --sync src:src --wait 1");
  expect(sync.stderr).toMatch(/^error KINSYNC_CLUSTER_FORBIDDEN: /);
  expect(sync.code).toBe(5);
});

test("a permission for exec that is missing fails the target, and the reason says which", async () => {
  using _get = playground.faults.deny({ verb: "get", resource: "pods", subresource: "exec" });
  using _create = playground.faults.deny({ verb: "create", resource: "pods", subresource: "exec" });
  const { code, stdout } = await run("sync pod/app --sync src:src --wait 2");
  expect(stdout).toMatch(/pods\/exec/);
  expect(code).toBe(3);
});

test("what is brought up to date once is there, byte by byte", async () => {
  const { code, stdout, stderr } = await run("sync pod/app --sync src:once/src");
  expect(stderr).toBe("");
  expect(stdout).toContain("1 of 1 container up to date\n");
  expect(code).toBe(0);
  expect(await readIn(playground, "app", "once/src/main.py")).toBe("print(1)\n");
});

test("a source without content halts and sends nothing, unless that is meant", async () => {
  await place.write("little/old.txt", "old\n");
  expect(await run("sync pod/app --sync little:little")).toMatchObject({ code: 0 });
  await rm(join(place.path, "little/old.txt"));
  const halted = await run("sync pod/app --sync little:little --wait 5");
  expect(halted.stdout).toMatch(/^stopped pod\/app sync\[0\]: /m);
  expect(halted.code).toBe(3);
  expect(await readIn(playground, "app", "little/old.txt")).toBe("old\n");
  expect(await run("sync pod/app --sync little:little --allow-empty")).toMatchObject({ code: 0 });
  expect(await readIn(playground, "app", "little/old.txt")).toBeUndefined();
});

test("workloads of one name in two namespaces are shown with their namespaces", async () => {
  const sync = [{ from: "src", to: "same" }];
  const workloads = ["default", "blog"].map((namespace) => ({ workload: "pod/app", namespace, sync }));
  playground.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: "blog" } });
  const pod = podManifest({ name: "app" });
  playground.apply({ ...pod, metadata: { ...pod.metadata, namespace: "blog" } });
  await place.write("same/kinsync.config.json", JSON.stringify({ workloads }));
  await place.write("same/src/x", "x");
  const { code, stdout } = await run("sync --config same/kinsync.config.json");
  expect(stdout).toMatch(/^sync pod\/app \(default\): src -> same\nsync pod\/app \(blog\): src -> same\n/);
  expect(stdout).toMatch(/^pod\/app \(default\): 1 of 1 .*\npod\/app \(blog\): 1 of 1 .*\n$/m);
  expect(code).toBe(0);
});

test("all workloads of a config are brought up to date where none is named", async () => {
  const rule = (to: string) => ({ from: "src", to });
  const workloads = [
    { workload: "pod/app", sync: [rule("all/a"), rule("all/b")] },
    { workload: "pods/app2", sync: [rule("all/c")] },
  ];
  playground.apply(podManifest({ name: "app2" }));
  await untilRunning(playground, "app2");
  await place.write("many/kinsync.config.json", JSON.stringify({ workloads }));
  await place.write("many/src/x", "x");
  const { code, stdout, stderr } = await run("sync --config many/kinsync.config.json");
  expect(stderr).toBe("");
  expect(stdout).toMatch(/^sync pod\/app: src -> all\/a, src -> all\/b\nsync pods\/app2: src -> all\/c\n/);
  expect(stdout).toMatch(/^pod\/app: 1 of 1 container up to date\npods\/app2: 1 of 1 container up to date\n$/m);
  expect(code).toBe(0);
  expect(await readIn(playground, "app", "all/b/x")).toBe("x");
  expect(await readIn(playground, "app2", "all/c/x")).toBe("x");
  // By another of its names, one of them.
  const one = await run("sync po/app2 --config many/kinsync.config.json");
  expect(one.stderr).toBe("");
  expect(one.stdout).not.toContain("pod/app:");
});

test("two entries that are one workload by another name are refused", async () => {
  const sync = [{ from: "src", to: "twice" }];
  const workloads = [
    { workload: "pod/app", sync },
    { workload: "po/app", sync },
  ];
  await place.write("twice/kinsync.config.json", JSON.stringify({ workloads }));
  await place.write("twice/src/x", "x");
  const { code, stderr } = await run("sync --config twice/kinsync.config.json");
  expect(stderr).toMatch(
    /^error KINSYNC_CONFIG_CONFLICT: pod\/app and po\/app are one workload of namespace default\n/,
  );
  expect(code).toBe(2);
});

test("nobody to sync to is told with the reason, and is exit code 4", async () => {
  const { code, stdout } = await run("sync pod/done --sync src:src --wait 1");
  expect(stdout).toMatch(/0 of 1 members are current/);
  expect(code).toBe(4);
});

test("with -o json every line is an object, and the names are the documented ones", async () => {
  const { code, stdout, stderr } = await run("sync pod/app --sync src:json/src -o json");
  const events = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  for (const event of events) {
    expect(event).toMatchObject({
      event: expect.any(String),
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      workload: "pod/app",
    });
  }
  const names = events.map(({ event }) => event);
  expect(new Set(names)).toEqual(new Set(["snapshot", "member", "target", "synced", "ready", "summary"]));
  expect(names.filter((name) => name === "ready")).toHaveLength(1);
  expect(events.at(-1)).toMatchObject({ event: "summary", targets: 1, synced: 1 });
  expect(events.find(({ event }) => event === "synced")).toMatchObject({
    pod: "app",
    container: "main",
    snapshot: 1,
    files: 1,
  });
});

test("tree and explain tell a member with its evidence", async () => {
  const tree = JSON.parse((await run("tree pod/app -o json")).stdout) as unknown;
  expect(tree).toMatchObject({
    workload: { kind: "Pod", name: "app", namespace: "default" },
    members: [{ pod: "app", state: "current", targets: [{ container: "main", status: "running" }] }],
  });
  const explained = await run("explain pod/app");
  expect(explained).toMatchObject({ code: 0, stderr: "" });
  expect(explained.stdout).toMatch(/^Pod app {2}namespace default, uid .*\n\napp {2}current: /);
});

test.runIf(confined)("a container whose root is read-only is named, with the way out", async () => {
  playground.apply(podManifest({ name: "sealed", container: { securityContext: { readOnlyRootFilesystem: true } } }));
  await untilRunning(playground, "sealed");
  const { code, stdout } = await run("sync pod/sealed --sync src:/opt/src");
  expect(stdout).toMatch(/^failed KINSYNC_TARGET_READ_ONLY: sealed \[main\]: .*\/opt/m);
  expect(stdout).toMatch(/hint: Mount a writable volume/);
  expect(code).toBe(3);
});

test.runIf(confined)("a container without anything that writes files is named, with the ways out", async () => {
  playground.apply(
    podManifest({ name: "bare", container: { image: "playground/empty", command: ["/busybox", "sleep", "1000"] } }),
  );
  await untilRunning(playground, "bare");
  const { code, stdout } = await run("sync pod/bare --sync src:/src");
  expect(stdout).toMatch(/^failed KINSYNC_TARGET_NO_AGENT: bare \[main\]: /m);
  expect(code).toBe(3);
});

test.runIf(confined && process.getuid?.() === 0)(
  "a path that the container's user may not write to is named",
  async () => {
    playground.apply(podManifest({ name: "user", container: { securityContext: { runAsUser: 1000 } } }));
    await untilRunning(playground, "user");
    const { code, stdout } = await run("sync pod/user --sync src:/usr/src");
    expect(stdout).toMatch(/^failed KINSYNC_TARGET_DENIED: user \[main\]: /m);
    expect(code).toBe(3);
  },
);

test.runIf(confined && process.getuid?.() === 0)(
  "a volume without room is named, and what was there stays",
  async () => {
    const volumes = [{ name: "small", emptyDir: { medium: "Memory", sizeLimit: "64Ki" } }];
    playground.apply(
      podManifest({
        name: "full",
        container: { volumeMounts: [{ name: "small", mountPath: "/data" }] },
        spec: { volumes },
      }),
    );
    await untilRunning(playground, "full");
    await place.write("big/blob.bin", "x".repeat(1024 * 1024));
    const { code, stdout } = await run("sync pod/full --sync big:/data/big --wait 2");
    expect(stdout).toMatch(/^retry full \[main\] in .*: no space is left/m);
    expect(code).toBe(3);
  },
);

test("a foreign resource whose list fails with 500 does not stop a Job", async () => {
  const boat = { apiVersion: "c.dev/v1", kind: "Boat", metadata: { name: "ferry", namespace: "default" } };
  playground.apply([crd("c.dev"), boat]);
  const { uid } = playground.store.get("boats.c.dev", "default", "ferry")?.metadata ?? { uid: "" };
  const { metadata: _, ...template } = podManifest({ name: "", spec: { restartPolicy: "Never" } });
  playground.apply([
    podManifest({ name: "crew", owner: { apiVersion: "c.dev/v1", kind: "Boat", name: "ferry", uid } }),
    {
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: { name: "train", namespace: "default" },
      spec: { parallelism: 2, completions: 2, template },
    },
  ]);
  const isRunning = (): boolean =>
    playground.store.list("pods", "default").filter((pod) => pod.metadata.name.startsWith("train-")).length === 2;
  await playground.until(isRunning, { what: "two pods of the Job", timeout: 20_000 });
  using _fault = playground.faults.respond({ verb: "list", resource: "boats.c.dev" }, { code: 500 });
  const { code, stdout, stderr } = await run("sync job/train --sync src:src");
  expect(stdout.match(/Cannot list boats\.c\.dev .* left out until it can be read/g)).toHaveLength(1);
  expect(stderr).toBe("");
  expect(code).toBe(0);
});

test("a Service is refused with the workload of its pods", async () => {
  playground.apply([
    podManifest({ name: "served", labels: { app: "served" } }),
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "served", namespace: "default" },
      spec: { selector: { app: "served" }, ports: [{ port: 80 }] },
    },
  ]);
  const { code, stderr } = await run("sync svc/served --sync src:src");
  expect(stderr).toBe(
    "error KINSYNC_RESOLVE_OWNS_NO_PODS: service/served is not a workload: a Service selects pods but does not own them\n" +
      "  hint: Its pods belong to pod/served. Name that instead.\n",
  );
  expect(code).toBe(2);
});
