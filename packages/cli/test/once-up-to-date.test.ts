import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { podManifest, readIn, untilRunning } from "./support/playground.ts";
import { TestCluster } from "./support/cluster.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start();
});

afterAll(() => cluster[Symbol.asyncDispose]());

test("what is brought up to date once is there, byte by byte", async () => {
  const { code, stdout, stderr } = await cluster.run("sync pod/app --sync src:once/src");
  expect(stderr).toBe("");
  expect(stdout).toContain("1 of 1 container up to date\n");
  expect(code).toBe(0);
  expect(await readIn(cluster.playground, "app", "once/src/main.py")).toBe("print(1)\n");
});

test("a source without content halts and sends nothing, unless that is meant", async () => {
  await cluster.place.write("little/old.txt", "old\n");
  expect(await cluster.run("sync pod/app --sync little:little")).toMatchObject({ code: 0 });
  await rm(join(cluster.place.path, "little/old.txt"));
  const halted = await cluster.run("sync pod/app --sync little:little --wait 5");
  expect(halted.stdout).toMatch(/^stopped pod\/app sync\[0\]: /m);
  expect(halted.code).toBe(3);
  expect(await readIn(cluster.playground, "app", "little/old.txt")).toBe("old\n");
  expect(await cluster.run("sync pod/app --sync little:little --allow-empty")).toMatchObject({ code: 0 });
  expect(await readIn(cluster.playground, "app", "little/old.txt")).toBeUndefined();
});

test("workloads of one name in two namespaces are shown with their namespaces", async () => {
  const sync = [{ from: "src", to: "same" }];
  const workloads = ["default", "blog"].map((namespace) => ({ workload: "pod/app", namespace, sync }));
  cluster.playground.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: "blog" } });
  const pod = podManifest({ name: "app" });
  cluster.playground.apply({ ...pod, metadata: { ...pod.metadata, namespace: "blog" } });
  await cluster.place.write("same/kinsync.config.json", JSON.stringify({ workloads }));
  await cluster.place.write("same/src/x", "x");
  const { code, stdout } = await cluster.run("sync --config same/kinsync.config.json");
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
  cluster.playground.apply(podManifest({ name: "app2" }));
  await untilRunning(cluster.playground, "app2");
  await cluster.place.write("many/kinsync.config.json", JSON.stringify({ workloads }));
  await cluster.place.write("many/src/x", "x");
  const { code, stdout, stderr } = await cluster.run("sync --config many/kinsync.config.json");
  expect(stderr).toBe("");
  expect(stdout).toMatch(/^sync pod\/app: src -> all\/a, src -> all\/b\nsync pods\/app2: src -> all\/c\n/);
  expect(stdout).toMatch(/^pod\/app: 1 of 1 container up to date\npods\/app2: 1 of 1 container up to date\n$/m);
  expect(code).toBe(0);
  expect(await readIn(cluster.playground, "app", "all/b/x")).toBe("x");
  expect(await readIn(cluster.playground, "app2", "all/c/x")).toBe("x");
  // By another of its names, one of them.
  const one = await cluster.run("sync po/app2 --config many/kinsync.config.json");
  expect(one.stderr).toBe("");
  expect(one.stdout).not.toContain("pod/app:");
});

test("nobody to sync to is told with the reason, and is exit code 4", async () => {
  cluster.playground.apply(
    podManifest({ name: "done", container: { command: ["true"] }, spec: { restartPolicy: "Never" } }),
  );
  const { code, stdout } = await cluster.run("sync pod/done --sync src:src --wait 1");
  expect(stdout).toMatch(/0 of 1 members are current/);
  expect(code).toBe(4);
});

test("with -o json every line is an object, and the names are the documented ones", async () => {
  const { code, stdout, stderr } = await cluster.run("sync pod/app --sync src:json/src -o json");
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
  expect(new Set(names)).toEqual(new Set(["snapshot", "member", "target", "session", "synced", "ready", "summary"]));
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
  const tree = JSON.parse((await cluster.run("tree pod/app -o json")).stdout) as unknown;
  expect(tree).toMatchObject({
    workload: { kind: "Pod", name: "app", namespace: "default" },
    members: [{ pod: "app", state: "current", targets: [{ container: "main", status: "running" }] }],
  });
  const explained = await cluster.run("explain pod/app");
  expect(explained).toMatchObject({ code: 0, stderr: "" });
  expect(explained.stdout).toMatch(/^Pod app {2}namespace default, uid .*\n\napp {2}current: /);
});
