import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { readFile } from "node:fs/promises";
import { createPlayground, IDLE, type Playground } from "./support/playground.ts";
import { createWorkplace, type Ran, type Workplace } from "./support/run.ts";

let playground: Playground;
let place: Workplace;

const TRANSPORT = { workload: "deploy/web", sync: [{ from: "conf", to: "/etc/app", transport: "configmap" }] };
const CONFIG = { writesApi: ["configmap"], workloads: [TRANSPORT] };

beforeAll(async () => {
  playground = await createPlayground({ kubelet: { projectionDelay: 300 } });
  const labels = { app: "web" };
  playground.apply([
    { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "app", namespace: "default" }, data: { theirs: "1" } },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "web", namespace: "default" },
      spec: {
        replicas: 3,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            terminationGracePeriodSeconds: 0,
            volumes: [{ name: "app", configMap: { name: "app" } }],
            containers: [
              {
                name: "main",
                image: "playground/busybox",
                command: ["sh", "-c", IDLE],
                volumeMounts: [{ name: "app", mountPath: "/etc/app" }],
              },
            ],
          },
        },
      },
    },
  ] as never);
  await playground.until(() => pods().length === 3, { what: "three pods", timeout: 20_000 });
});

beforeEach(async () => {
  place = await createWorkplace({ "conf/app.conf": "level = 1\n" });
  return () => place[Symbol.asyncDispose]();
});

afterAll(async () => {
  await playground[Symbol.asyncDispose]();
});

async function run(config: object, ...argv: readonly string[]): Promise<Ran> {
  await place.write("kinsync.config.json", JSON.stringify(config));
  return place.run(argv, { env: { KUBECONFIG: playground.kubeconfigPath } });
}

const pods = (): readonly string[] =>
  playground.store
    .list("pods", "default")
    .filter(({ status }) => status?.["phase"] === "Running")
    .map(({ metadata }) => metadata.name);

const inPod = (pod: string): Promise<string> =>
  readFile(playground.kubelet.pathOf("default", pod, "main", "/etc/app/app.conf"), "utf8");

const data = (): unknown => (playground.store.get("configmaps", "default", "app") as { data?: unknown }).data;

test("without consent nothing starts, and the error names the line to write", async () => {
  const { code, stderr } = await run({ workloads: [TRANSPORT] }, "sync");
  expect(code).toBe(2);
  expect(stderr).toContain("KINSYNC_TRANSPORT_CONSENT");
  expect(stderr).toContain("writesApi: [configmap]");
  expect(data()).toEqual({ theirs: "1" });
});

test("the plan names the object that a sync would change, and changes nothing", async () => {
  const { code, stdout } = await run(CONFIG, "plan");
  expect(code).toBe(0);
  expect(stdout).toContain("changes an object of the cluster: configmap:default/app");
  expect(data()).toEqual({ theirs: "1" });
});

test("the roles have a line for the ConfigMap, and exec is optional", async () => {
  const { code, stdout } = await run(CONFIG, "rbac");
  expect(code).toBe(0);
  expect(stdout).toContain("configmaps");
  expect(stdout).toContain("patch");
  expect(stdout).not.toContain("secrets");
  const { stdout: required } = await run(CONFIG, "rbac", "--required");
  expect(required).toContain("patch");
  expect(required).not.toContain("pods/exec");
});

test("a sync ends when every member shows the file, which is written once", async () => {
  const { code, stdout } = await run(CONFIG, "sync", "-o", "json");
  expect(stdout).toContain('"status":"accepted"');
  expect(code).toBe(0);
  expect(data()).toEqual({ theirs: "1", "app.conf": "level = 1\n" });
  for (const pod of pods()) expect(await inPod(pod)).toBe("level = 1\n");
  await place.write("conf/app.conf", "level = 2\n");
  expect((await run(CONFIG, "sync")).code).toBe(0);
  for (const pod of pods()) expect(await inPod(pod)).toBe("level = 2\n");
});

test("a key of somebody else is a failure that names it, and stays", async () => {
  await place.write("conf/theirs", "mine");
  const { code, stdout, stderr } = await run(CONFIG, "sync");
  expect(code).toBe(3);
  expect(`${stdout}${stderr}`).toContain("KINSYNC_TARGET_FOREIGN");
  expect(data()).toMatchObject({ theirs: "1" });
});

test("a file in a folder, and a name that no key can have, are refused before anything is written", async () => {
  await place.write("conf/sub/x", "1");
  await place.write("conf/with space", "1");
  const { code, stdout, stderr } = await run(CONFIG, "sync");
  expect(code).toBe(3);
  expect(`${stdout}${stderr}`).toContain('hold a file with the name "with space"');
  expect(`${stdout}${stderr}`).toContain("create folders (sub)");
});

test("clean removes kinsync's keys and its annotation, and keeps the others", async () => {
  expect((await run(CONFIG, "sync")).code).toBe(0);
  const { code } = await run(CONFIG, "clean", "--yes");
  expect(code).toBe(0);
  expect(data()).toEqual({ theirs: "1" });
  expect(playground.store.get("configmaps", "default", "app")?.metadata.annotations ?? {}).toEqual({});
});
