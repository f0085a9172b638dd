import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { IDLE, podManifest, untilRunning } from "../support/playground.ts";
import { TestCluster } from "../support/cluster.ts";

let cluster: TestCluster;
const RULE = "--sync src:/app/src";

beforeAll(async () => {
  cluster = await TestCluster.start();
  await cluster.place.write("src/pkg/mod.py", "x = 1\n");
});

afterAll(() => cluster[Symbol.asyncDispose]());

async function startPod(name: string): Promise<(path: string) => string> {
  cluster.playground.apply(podManifest({ name }));
  await untilRunning(cluster.playground, name);
  return (path) => cluster.playground.kubelet.pathOf("default", name, "main", path);
}

test("clean removes what a sync placed and the .kinsync folder, and nothing else", async () => {
  const at = await startPod("full");
  mkdirSync(at("/app/src"), { recursive: true });
  writeFileSync(at("/app/src/image.py"), "of the image");
  expect((await cluster.run(`sync pod/full ${RULE}`)).code).toBe(0);
  writeFileSync(at("/app/src/pkg/mod.pyc"), "made there");
  const ran = await cluster.run(`clean pod/full ${RULE} --yes`);
  expect(ran).toMatchObject({ code: 0, stderr: "" });
  expect(ran.stdout).toContain("pod/full [main] /app/src: 3 paths and its .kinsync folder, last written by ");
  expect(ran.stdout).toContain("  - /app/src/main.py\n");
  expect(ran.stdout).toContain("cleaned pod/full [main] /app/src\n");
  expect(readdirSync(at("/app/src")).toSorted()).toEqual(["image.py", "pkg"]);
  expect(readdirSync(at("/app/src/pkg"))).toEqual(["mod.pyc"]);
  expect(existsSync(at("/app/.kinsync"))).toBe(false);
  const again = await cluster.run(`clean pod/full ${RULE} --yes`);
  expect(again).toMatchObject({ code: 0, stdout: "kinsync left nothing in these containers\n" });
});

test("clean --state-only keeps the files, and another mapping keeps its state", async () => {
  const at = await startPod("state");
  await cluster.run(`sync pod/state ${RULE} --sync src/pkg:/app/other`);
  const ran = await cluster.run(`clean pod/state ${RULE} --state-only --yes`);
  expect(ran).toMatchObject({ code: 0, stderr: "" });
  expect(existsSync(at("/app/src/main.py"))).toBe(true);
  expect(readdirSync(at("/app/.kinsync"))).toHaveLength(1);
  await cluster.run("clean pod/state --sync src/pkg:/app/other --yes");
  expect(existsSync(at("/app/.kinsync"))).toBe(false);
});

test("without a terminal and without --yes nothing is removed, and the list is shown", async () => {
  const at = await startPod("asked");
  await cluster.run(`sync pod/asked ${RULE}`);
  const ran = await cluster.run(`clean pod/asked ${RULE}`);
  expect(ran.stdout).toContain("  - /app/src/main.py\n");
  expect(ran.stderr).toContain(
    "Nothing was removed: nobody can be asked here\n  hint: To remove what is listed, pass --yes.",
  );
  expect(ran.code).toBe(2);
  expect(existsSync(at("/app/src/main.py"))).toBe(true);
});

test("a root in which another run is at work is refused by name", async () => {
  const at = await startPod("busy");
  const stop = new AbortController();
  const up = cluster.place.run(["up", "pod/busy", "--sync", "src:/app/src"], {
    env: { KUBECONFIG: cluster.playground.kubeconfigPath },
    signal: stop.signal,
  });
  await vi.waitFor(() => expect(existsSync(at("/app/src/main.py"))).toBe(true), { timeout: 20_000 });
  const ran = await cluster.run(`clean pod/busy ${RULE} --yes`);
  expect(ran.stdout).toMatch(
    /failed KINSYNC_TARGET_TAKEN: pod\/busy, container main, \/app\/src: the run of \S+ since \S+ is at work there/,
  );
  expect(ran.stdout).toContain("hint: End that run first: Ctrl-C in its terminal.");
  expect(ran.code).toBe(3);
  expect(existsSync(at("/app/src/main.py"))).toBe(true);
  stop.abort();
  await up;
  const after = await cluster.run(`clean pod/busy ${RULE} --yes -o json`);
  expect(JSON.parse(after.stdout)).toMatchObject({
    roots: [{ pod: "busy", to: "/app/src", status: "removed" }],
    problems: [],
  });
  expect(existsSync(at("/app/src/main.py"))).toBe(false);
});

test("a mapped single file is removed, and its folder stays", async () => {
  const at = await startPod("single");
  mkdirSync(at("/app/conf"), { recursive: true });
  await cluster.run("sync pod/single --sync src/main.py:/app/conf/main.py");
  const ran = await cluster.run("clean pod/single --sync src/main.py:/app/conf/main.py --yes");
  expect(ran).toMatchObject({ code: 0, stderr: "" });
  expect(readdirSync(at("/app/conf"))).toEqual([]);
});

test("containers with the same content are one entry, which names each of them", async () => {
  await startPod("twin-a");
  await startPod("twin-b");
  const rule = "--sync src/main.py:/app/conf/main.py";
  const workloads = "pod/twin-a pod/twin-b";
  expect((await cluster.run(`sync ${workloads} ${rule}`)).code).toBe(0);
  const ran = await cluster.run(`clean ${workloads} ${rule} --yes`);
  expect(ran).toMatchObject({ code: 0, stderr: "" });
  expect(ran.stdout).toMatch(
    /^\/app\/conf\/main\.py in 2 containers: 1 path and its \.kinsync folder, last written by .*\n {2}in pod\/twin-[ab] \[main\], pod\/twin-[ab] \[main\]\n {2}- \/app\/conf\/main\.py\ncleaned \/app\/conf\/main\.py in 2 containers\n$/,
  );
});

test("a volume that two containers of a pod share is cleaned once, and the writer is named", async () => {
  const { kubelet } = cluster.playground;
  const { kind } = await kubelet.confinement;
  // Without file systems of their own, the containers have one folder all the same.
  const container = (name: string) => ({
    name,
    image: "playground/busybox",
    command: ["sh", "-c", IDLE],
    volumeMounts: [{ name: "code", mountPath: "/app/code" }],
  });
  cluster.playground.apply({
    ...podManifest({ name: "shared" }),
    spec: {
      terminationGracePeriodSeconds: 0,
      volumes: [{ name: "code", emptyDir: {} }],
      containers: [container("one"), container("two")],
    },
  });
  await untilRunning(cluster.playground, "shared");
  const rule = (name: string) => `      - { from: src, to: /app/code/src, container: ${name} }\n`;
  await cluster.place.write(
    "shared.yaml",
    `workloads:\n  - workload: pod/shared\n    sync:\n${rule("one")}${rule("two")}`,
  );
  expect(await cluster.run("sync --config shared.yaml")).toMatchObject({ code: 0 });
  const ran = await cluster.run("clean --config shared.yaml --yes");
  expect(ran, kind).toMatchObject({ code: 0, stderr: "" });
  expect(ran.stdout.match(/^cleaned /gm)).toHaveLength(1);
  for (const name of ["one", "two"]) {
    expect(existsSync(kubelet.pathOf("default", "shared", name, "/app/code/src/main.py"))).toBe(false);
    expect(existsSync(kubelet.pathOf("default", "shared", name, "/app/code/.kinsync"))).toBe(false);
  }
  expect((await cluster.run("clean --config shared.yaml --yes")).stdout).toBe(
    "kinsync left nothing in these containers\n",
  );
});

test("pods of one name in two namespaces are named with their namespaces", async () => {
  await startPod("twin");
  const other = podManifest({ name: "twin" });
  cluster.playground.apply([
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } },
    { ...other, metadata: { ...other.metadata, namespace: "shop" } },
  ]);
  await cluster.playground.until(
    () => cluster.playground.store.get("pods", "shop", "twin")?.status?.["phase"] === "Running",
    { what: "twin in shop to run", timeout: 20_000 },
  );
  const workload = (namespace: string) =>
    `  - { workload: pod/twin, namespace: ${namespace}, sync: [{ from: src, to: /app/src }] }\n`;
  await cluster.place.write("twins.yaml", `workloads:\n${workload("default")}${workload("shop")}`);
  const synced = await cluster.run("sync --config twins.yaml");
  expect(synced).toMatchObject({ code: 0 });
  for (const name of ["pod/twin (default): ", "pod/twin (shop): "]) expect(synced.stdout).toContain(`\n${name}`);
  const planned = await cluster.run("plan --config twins.yaml");
  for (const namespace of ["default", "shop"]) {
    expect(planned.stdout).toContain(`pod/twin  namespace ${namespace}, 1 container`);
  }
  const doctor = await cluster.run("doctor --config twins.yaml");
  for (const name of ["pod/twin (default) [main]: ", "pod/twin (shop) [main]: "]) {
    expect(doctor.stdout).toContain(`agent: ${name}`);
  }
  const rbac = await cluster.run("rbac --config twins.yaml");
  expect(rbac.stdout.match(/^ {2}namespace: \w+$/gm)).toEqual(["  namespace: default", "  namespace: shop"]);
  const ran = await cluster.run("clean --config twins.yaml --yes -o json");
  expect(JSON.parse(ran.stdout)).toMatchObject({
    roots: [
      { namespace: "default", pod: "twin", status: "removed" },
      { namespace: "shop", pod: "twin", status: "removed" },
    ],
  });
  await cluster.run("sync --config twins.yaml");
  const named = await cluster.run("clean --config twins.yaml --yes");
  expect(named.stdout).toContain("/app/src in 2 containers");
});
