import { PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { CoreV1Api, Exec, KubeConfig, Watch, type V1Pod, type V1Status } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createPlayground, type Playground } from "../../src/index.ts";

let playground: Playground;
let config: KubeConfig;

beforeAll(async () => {
  playground = await createPlayground({ kubelet: { maximumGraceSeconds: 1 } });
  config = new KubeConfig();
  config.loadFromString(playground.kubeconfig);
  playground.apply(pod("app"));
  await playground.until(() => playground.store.get("pods", "default", "app")?.status?.["phase"] === "Running", {
    what: "a running pod",
    timeout: 20_000,
  });
});

afterAll(async () => {
  await playground[Symbol.asyncDispose]();
});

function pod(name: string) {
  const command = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.05; done"];
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default" },
    spec: { containers: [{ name: "main", image: "busybox", command }] },
  };
}

test("client-node lists and reads pods", async () => {
  const api = config.makeApiClient(CoreV1Api);
  const { items } = await api.listNamespacedPod({ namespace: "default" });
  expect(items.map(({ metadata }) => metadata?.name)).toContain("app");
  const found = await api.readNamespacedPod({ namespace: "default", name: "app" });
  expect(found.status?.phase).toBe("Running");
});

test("client-node watches pods", async () => {
  const names: string[] = [];
  const done = Promise.withResolvers<void>();
  const request = await new Watch(config).watch(
    "/api/v1/namespaces/default/pods",
    {},
    (_, object: V1Pod) => {
      names.push(object.metadata?.name ?? "");
      if (object.metadata?.name === "late") done.resolve();
    },
    () => undefined,
  );
  playground.apply(pod("late"));
  await Promise.race([done.promise, sleep(10_000)]);
  request.abort();
  expect(names).toContain("late");
});

test("client-node runs a command, with its stdin, stdout and status", async () => {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  let text = "";
  stdout.setEncoding("utf8").on("data", (part: string) => (text += part));
  const status = Promise.withResolvers<V1Status>();
  const command = ["sh", "-c", "read line; echo got $line; exit 3"];
  await new Exec(config).exec("default", "app", "main", command, stdout, stderr, stdin, false, status.resolve);
  stdin.write("hello\n");
  const end = await Promise.race([status.promise, sleep(10_000)]);
  expect(text).toBe("got hello\n");
  expect(end).toMatchObject({ status: "Failure", reason: "NonZeroExitCode" });
});
