import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { parse } from "yaml";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { TestCluster } from "../../support/cluster.ts";
import { createWorkplace } from "../../support/run.ts";

/** A kind that judges no pod. */
const FLEET = `export default () => ({
  type: "kind", contract: "2.0", name: "fleet", root: { group: "acme.dev", version: "v1", kind: "Fleet", plural: "fleets" },
  watches: () => ({ watches: [] }), judge: () => ({ pod: () => ({ state: "current", reason: { code: "x", message: "x" } }) }),
});
`;

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start();
});

afterAll(() => cluster[Symbol.asyncDispose]());

beforeEach(async () => {
  for (const name of ["kinsync.config.yaml", "kinsync.config.ts", "kinsync.config.json", "Dockerfile", ".gitignore"]) {
    await rm(join(cluster.place.path, name), { force: true });
  }
});

async function written(name = "kinsync.config.yaml"): Promise<string> {
  return await readFile(join(cluster.place.path, name), "utf8");
}

test("the only workload of the namespace and the Dockerfile become a config that config check accepts", async () => {
  await cluster.place.write("Dockerfile", "FROM python:3\nWORKDIR /app\nCOPY src/ ./src/\n");
  await cluster.place.write(".gitignore", "*.log\n");
  const ran = await cluster.run("init --yes");
  expect(ran.stderr).toBe("");
  expect(ran.code).toBe(0);
  expect(ran.stdout).toContain("wrote kinsync.config.yaml: 1 workload, 1 sync rule");
  expect(ran.stdout).toContain("pod/app: src -> /app/src  COPY in Dockerfile:3");
  const text = await written();
  expect(parse(text)).toEqual({
    $schema: expect.stringContaining("schema.json"),
    workloads: [
      {
        workload: "pod/app",
        namespace: "default",
        sync: [{ from: "src", to: "/app/src", ignoreFiles: [".gitignore"] }],
      },
    ],
  });
  expect(text).toContain("# COPY in Dockerfile:3");
  const checked = await cluster.run("config check");
  expect(checked).toMatchObject({ code: 0, stderr: "" });
  const planned = await cluster.run("plan");
  expect(planned.stdout).toContain("+ /app/src/main.py");
});

test.each(["ts", "json"])("a config is written as %s, and config check accepts it", async (format) => {
  const ran = await cluster.run(`init pod/app --sync src:/app/src --ignore *.tmp --format ${format} --yes`);
  expect(ran).toMatchObject({ code: 0, stderr: "" });
  expect(await written(`kinsync.config.${format}`)).toContain("schema.json");
  // As a process of its own: the config imports kinsync, which this folder has not installed.
  const checked = await cluster.place.runBin(["config", "check"]);
  expect(checked).toMatchObject({ code: 0, stderr: "" });
  expect(checked.stdout).toContain("1 workload, 1 sync rule");
});

test("an existing config stays as it is without --force, and so does one in another format", async () => {
  await cluster.place.write("kinsync.config.yaml", "workloads: []\n");
  const refused = await cluster.run("init pod/app --sync src:/app/src --yes");
  expect(refused.stderr).toContain("kinsync.config.yaml exists already\n  hint: To replace it, add --force.");
  expect(refused.code).toBe(2);
  const other = await cluster.run("init pod/app --sync src:/app/src --format json --force --yes");
  expect(other.stderr).toContain("kinsync.config.yaml exists already");
  expect(await written()).toBe("workloads: []\n");
  const forced = await cluster.run("init pod/app --sync src:/app/src --force --yes");
  expect(forced.code).toBe(0);
  expect(await written()).toContain("workload: pod/app");
});

test.each<[situation: string, line: string, message: string]>([
  [
    "a container that the workload lacks",
    "init pod/app --container man",
    "pod/app has no container man\n  hint: It has main.",
  ],
  ["a mapping to a system folder", "init pod/app --sync src:/usr/lib", "KINSYNC_CONFIG_SYSTEM_FOLDER"],
  ["a Dockerfile that does not exist", "init pod/app --dockerfile Dockerfile.none", "Dockerfile.none cannot be read"],
  ["a config in a folder that does not exist", "init pod/app --config none/x.yaml", "none is not a folder"],
  [
    "a config with a name that is too long",
    `init pod/app --config ${"x".repeat(300)}.yaml`,
    "cannot be written: name too long",
  ],
  ["a local path that does not exist", "init pod/app --sync scr:/app/src", "KINSYNC_SOURCE_MISSING"],
])("%s is refused, and nothing is written", async (_situation, line, message) => {
  const ran = await cluster.run(`${line} --yes`);
  expect(ran.stderr).toContain(message);
  expect(ran.code).toBe(2);
  await expect(written()).rejects.toThrow("ENOENT");
});

test("several workloads and nobody to ask is an error that lists them", async () => {
  cluster.playground.apply({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "default" },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: "web" } },
      template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "c", image: "shop/web:1" }] } },
    },
  });
  const ran = await cluster.run("init");
  expect(ran.stderr).toContain("namespace default has 2 workloads: deployment/web, pod/app");
  expect(ran.stderr).toContain("hint: Name those that should get files: kinsync init deployment/web");
  expect(ran.code).toBe(2);
});

test("workloads of a kind that an earlier config names are listed, and others can be named", async () => {
  const fleet = { apiVersion: "acme.dev/v1", kind: "Fleet", metadata: { name: "north", namespace: "default" } };
  cluster.playground.apply([
    {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: "fleets.acme.dev" },
      spec: {
        group: "acme.dev",
        scope: "Namespaced",
        names: { plural: "fleets", singular: "fleet", kind: "Fleet" },
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
    fleet,
  ]);
  await cluster.place.write("fleet.mjs", FLEET);
  await cluster.place.write("kinsync.config.yaml", "kinds: [./fleet.mjs]\nworkloads: []\n");
  const ran = await cluster.run("init --force");
  expect(ran.stderr).toMatch(/workloads: (?:.*, )?fleet\/north/);
  expect(ran.stderr).toMatch(/init lists pods and the kinds .*\bfleet\b.*; others can be named, too/);
});

test("rules of a Tiltfile go to the workload in the cluster that has the image", async () => {
  await cluster.place.write(
    "Tiltfile",
    "docker_build('shop/web', '.', live_update=[\n  sync('src', '/srv/src'),\n  run('make', trigger=['src/main.py']),\n  restart_container(),\n])\n",
  );
  const ran = await cluster.run("init --from Tiltfile --yes");
  expect(ran).toMatchObject({ code: 0, stderr: "" });
  expect(ran.stdout).toContain("not carried over: Tiltfile:4: restart_container; kinsync restarts no containers");
  expect(parse(await written())).toMatchObject({
    workloads: [
      {
        workload: "deployment/web",
        sync: [{ from: "src", to: "/srv/src" }],
        run: [{ when: ["main.py"], command: "make" }],
      },
    ],
  });
  expect(await written()).toContain("# Not carried over:\n# - Tiltfile:4: restart_container");
  expect(await cluster.run("config check")).toMatchObject({ code: 0, stderr: "" });
});

test("a Service is refused with the workloads behind it", async () => {
  cluster.playground.apply({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "default" },
    spec: { selector: { app: "web" }, ports: [{ port: 80 }] },
  });
  const ran = await cluster.run("init svc/web --sync src:/app/src --yes");
  expect(ran.stderr).toContain("KINSYNC_RESOLVE_OWNS_NO_PODS: service/web is not a workload");
});

test("without a cluster the config of a named workload is written nevertheless, and a note says so", async () => {
  await using place = await createWorkplace({ "src/a.txt": "1" });
  const ran = await place.run(["init", "deploy/web", "--yes"]);
  expect(ran).toMatchObject({ code: 0, stderr: "" });
  expect(ran.stdout).toContain("note: the cluster was not read: ");
  expect(await place.run(["config", "check"])).toMatchObject({ code: 0, stderr: "" });
  const unnamed = await place.run(["init", "--force", "--yes"]);
  expect(unnamed.code).toBe(5);
});
