import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { request as httpsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { expect, test } from "vitest";
import { parse } from "yaml";

import { createPlayground } from "../src/index.ts";
import type { Playground } from "../src/index.ts";

const TRAIN = `
apiVersion: jobset.x-k8s.io/v1alpha2
kind: JobSet
metadata: { name: train }
spec:
  replicatedJobs:
    - name: head
      template: &job
        spec:
          template:
            spec:
              terminationGracePeriodSeconds: 1
              containers:
                - { name: app, image: busybox, command: [sh, -c, "trap 'exit 1' TERM; while :; do sleep 0.05; done"] }
    - name: worker
      replicas: 2
      template: *job
`;

function running(playground: Playground): number {
  return playground.store.view("pods", "default").filter(({ status }) => status?.["phase"] === "Running").length;
}

test("a JobSet is applied, runs, is visible in the API, replaces a pod, and is deleted as a whole", async () => {
  await using playground = await createPlayground({ kubelet: { maximumGraceSeconds: 1 } });
  const [jobSet] = playground.apply(TRAIN);
  expect(jobSet?.metadata.uid).toBeDefined();
  await playground.until(() => running(playground) === 3, { what: "three running pods", timeout: 20_000 });
  const { status } = await get(playground, "/api/v1/namespaces/default/pods?limit=2");
  expect(status).toBe(200);
  const [first] = playground.store.view("pods", "default");
  const uid = playground.replacePod("default", first?.metadata.name ?? "");
  expect(uid).toBe(first?.metadata.uid);
  await playground.until(() => playground.store.byUid(uid) === undefined && running(playground) === 3, {
    what: "another pod in its place",
    timeout: 20_000,
  });
  playground.store.delete("jobsets.jobset.x-k8s.io", "default", "train", { propagation: "Foreground" });
  await playground.until(
    () => ["jobsets.jobset.x-k8s.io", "jobs.batch", "pods"].every((name) => playground.store.view(name).length === 0),
    { what: "nothing left", timeout: 20_000 },
  );
  expect(playground.store.view("pods")).toEqual([]);
});

test("the kubeconfig is readable by its owner only, works, and is removed with the playground", async () => {
  const playground = await createPlayground();
  const { kubeconfigPath, url } = playground;
  expect((await stat(kubeconfigPath)).mode & 0o777).toBe(0o600);
  expect(parse(await readFile(kubeconfigPath, "utf8"))).toMatchObject({
    "current-context": "kinsync-playground",
    clusters: [{ cluster: { server: url } }],
  });
  expect((await get(playground, "/version")).status).toBe(200);
  await playground.close();
  await playground.close();
  expect(existsSync(kubeconfigPath)).toBe(false);
  await expect(get(playground, "/version")).rejects.toThrow(/ECONNREFUSED/);
});

test("a kubeconfig at a given path is written there, and removed", async () => {
  const folder = await mkdtemp(join(tmpdir(), "playground-kubeconfig-"));
  const path = join(folder, "config");
  {
    await using playground = await createPlayground({ kubeconfigPath: path });
    expect(playground.kubeconfigPath).toBe(path);
    expect(await readFile(path, "utf8")).toBe(playground.kubeconfig);
  }
  expect(existsSync(path)).toBe(false);
  await rm(folder, { recursive: true, force: true });
});

test("a second apply replaces the object, and keeps what other writers added", async () => {
  await using playground = await createPlayground();
  const map = (data: string): string => `{ apiVersion: v1, kind: ConfigMap, metadata: { name: a }, data: ${data} }`;
  const [first] = playground.apply(map("{ x: '1', y: '2' }"));
  const labeled = playground.store.get("configmaps", "default", "a");
  playground.store.update("configmaps", { ...labeled!, metadata: { ...labeled!.metadata, labels: { by: "other" } } });
  const [second] = playground.apply(`${map("{ x: '3' }")}\n---\n${map("{ x: '4' }").replace("a }", "b }")}`);
  expect(second).toMatchObject({ metadata: { uid: first?.metadata.uid, labels: { by: "other" } }, data: { x: "3" } });
  expect(second?.["data"]).toEqual({ x: "3" });
  expect(() => playground.apply("kind: [")).toThrow(/not YAML/);
  expect(() => playground.apply("{ apiVersion: x/v1, kind: Y }")).toThrow(/no matches for kind/);
});

test("until() rejects after its time limit, and names what it waited for", async () => {
  await using playground = await createPlayground();
  await expect(playground.until(() => false, { what: "a miracle", timeout: 10 })).rejects.toThrow(
    "Timed out after 10 ms waiting for a miracle.",
  );
  const aborted = AbortSignal.abort(new Error("enough"));
  await expect(playground.until(() => false, { signal: aborted })).rejects.toThrow("enough");
});

function get(playground: Playground, path: string): Promise<{ status: number }> {
  const { clusters } = parse(playground.kubeconfig) as {
    clusters: { cluster: { "certificate-authority-data": string } }[];
  };
  const ca = Buffer.from(clusters[0]?.cluster["certificate-authority-data"] ?? "", "base64").toString("utf8");
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number }>();
  httpsRequest(new URL(path, playground.url), {
    ca,
    agent: false,
    headers: { Authorization: `Bearer ${playground.token}` },
  })
    .on("error", reject)
    .on("response", (response) => {
      response.resume().on("end", () => {
        resolve({ status: response.statusCode ?? 0 });
      });
    })
    .end();
  return promise;
}

test("a start loads no library that only some requests need", async () => {
  const program = fileURLToPath(new URL("./support/start-and-list-modules.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program]);
  expect((JSON.parse(stdout) as string[]).toSorted()).toEqual(["ws", "yaml"]);
});
