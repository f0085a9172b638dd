import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { podManifest, readIn, untilRunning } from "../support/playground.ts";
import { TestCluster } from "../support/cluster.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start();
});

afterAll(() => cluster[Symbol.asyncDispose]());

test("up waits for a workload that does not exist, says so once, and begins when it exists", async () => {
  const stop = new AbortController();
  const up = cluster.place.run(["up", "pod/late", "--sync", "src:/app/src"], {
    env: { KUBECONFIG: cluster.playground.kubeconfigPath },
    signal: stop.signal,
  });
  const isOver = await Promise.race([up.then(() => true), new Promise((resolve) => setTimeout(resolve, 2_500, false))]);
  expect(isOver).toBe(false);
  cluster.playground.apply(podManifest({ name: "late" }));
  await untilRunning(cluster.playground, "late");
  const content = (): Promise<string | undefined> => readIn(cluster.playground, "late", "src/main.py");
  await vi.waitFor(async () => expect(await content()).toBe("print(1)\n"), { timeout: 20_000, interval: 100 });
  stop.abort();
  const { stdout, stderr } = await up;
  expect(
    `${stdout}${stderr}`.match(/waiting for a workload: there is no pod\/late in namespace default/g),
  ).toHaveLength(1);
});

test("up that waits for a workload ends with Ctrl-C", async () => {
  const stop = new AbortController();
  const up = cluster.place.run(["up", "pod/never", "--sync", "src:/app/src"], {
    env: { KUBECONFIG: cluster.playground.kubeconfigPath },
    signal: stop.signal,
  });
  setTimeout(() => stop.abort(), 500);
  expect((await up).code).toBe(130);
});

test("sync does not wait for a workload that does not exist", async () => {
  const ran = await cluster.run("sync pod/never --sync src:/app/src");
  expect(ran.stderr).toContain("KINSYNC_RESOLVE_WORKLOAD: there is no pod/never in namespace default");
  expect(ran.code).toBe(2);
});

test.each([
  "sync svc/web --sync src:/app/src",
  "up svc/web --sync src:/app/src",
  "plan svc/web --sync src:/app/src",
  "tree svc/web",
])("%s says at once that a Service owns no pods, and which workload it selects", async (line) => {
  const app = { app: "web" };
  const template = podManifest({ name: "web", labels: app });
  cluster.playground.apply({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "default" },
    spec: { replicas: 1, selector: { matchLabels: app }, template: { metadata: { labels: app }, spec: template.spec } },
  });
  cluster.playground.apply({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "default" },
    spec: { selector: app, ports: [{ port: 80 }] },
  });
  await vi.waitFor(async () => expect((await cluster.run("tree deploy/web")).stdout).toContain("web-"), {
    timeout: 10_000,
  });
  const ran = await cluster.run(line);
  expect(ran.stderr).toContain("service/web is not a workload: a Service selects pods but does not own them");
  expect(ran.stderr).toContain("Its pods belong to deployment/web. Name that instead.");
  expect(ran.code).toBe(2);
});
