import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createPlayground, IDLE, podManifest, untilRunning, type Playground } from "./support/playground.ts";
import { createWorkplace, type Workplace } from "./support/run.ts";

let playground: Playground;
let place: Workplace;

const VOLUMES = [{ name: "code", persistentVolumeClaim: { claimName: "code" } }];

beforeAll(async () => {
  playground = await createPlayground();
  const labels = { app: "web" };
  playground.apply([
    {
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      metadata: { name: "web", namespace: "default" },
      spec: {
        replicas: 3,
        podManagementPolicy: "Parallel",
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            terminationGracePeriodSeconds: 0,
            volumes: VOLUMES,
            containers: [
              {
                name: "main",
                image: "playground/busybox",
                command: ["sh", "-c", IDLE],
                volumeMounts: [{ name: "code", mountPath: "/data" }],
              },
            ],
          },
        },
      },
    },
  ] as never);
  await untilRunning(playground, "web-0", "web-1", "web-2");
});

beforeEach(async () => {
  place = await createWorkplace({ "src/a.txt": "1\n" });
  return () => place[Symbol.asyncDispose]();
});

afterAll(async () => {
  await playground[Symbol.asyncDispose]();
});

const configOf = (transport: unknown): string =>
  JSON.stringify({ workloads: [{ workload: "sts/web", sync: [{ from: "src", to: "/data/code", transport }] }] });

const read = (pod: string): Promise<string> =>
  readFile(playground.kubelet.pathOf("default", pod, "main", "/data/code/a.txt"), "utf8").catch(() => "missing");

async function untilShown(text: string, pods: readonly string[]): Promise<void> {
  for (let turn = 0; turn < 200; turn += 1) {
    const shown = await Promise.all(pods.map(read));
    if (shown.every((each) => each === text)) return;
    await sleep(100);
  }
  expect(await Promise.all(pods.map(read))).toEqual(pods.map(() => text));
}

test("a sync writes the claim once, and every member is synced", async () => {
  await place.write("kinsync.config.json", configOf("volume"));
  const env = { KUBECONFIG: playground.kubeconfigPath };
  const { code, stdout } = await place.run(["sync", "-o", "json"], { env });
  expect(code).toBe(0);
  const events = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  expect(events.filter(({ event, files }) => event === "synced" && files === 1)).toHaveLength(1);
  expect(events.at(-1)).toMatchObject({ event: "summary", targets: 3, synced: 3 });
  await untilShown("1\n", ["web-0", "web-1", "web-2"]);
});

test("up continues through another member when the writing pod is deleted", async () => {
  await place.write("kinsync.config.json", configOf("volume"));
  const stop = new AbortController();
  const env = { KUBECONFIG: playground.kubeconfigPath };
  const ended = place.run(["up", "-o", "json"], { env, signal: stop.signal });
  await place.write("src/a.txt", "by up\n");
  await untilShown("by up\n", ["web-0"]);
  // The first member's session writes for all.
  playground.replacePod("default", "web-0");
  await place.write("src/a.txt", "2\n");
  await untilShown("2\n", ["web-1", "web-2"]);
  await untilRunning(playground, "web-0");
  await place.write("src/a.txt", "3\n");
  await untilShown("3\n", ["web-0", "web-1", "web-2"]);
  stop.abort();
  const { stdout } = await ended;
  expect(stdout).not.toContain('"event":"failed"');
});

test("a helper writes for members into which no exec is allowed", async () => {
  playground.apply(
    podManifest({
      name: "helper",
      container: { volumeMounts: [{ name: "code", mountPath: "/claim" }] },
      spec: { volumes: VOLUMES },
    }),
  );
  await untilRunning(playground, "helper");
  const denied = ["web-0", "web-1", "web-2"].map((name) =>
    playground.faults.deny({ resource: "pods", subresource: "exec", name }),
  );
  await place.write("src/a.txt", "4\n");
  await place.write("kinsync.config.json", configOf(["volume", { pod: "helper" }]));
  const { code } = await place.run(["sync"], { env: { KUBECONFIG: playground.kubeconfigPath } });
  for (const each of denied) each[Symbol.dispose]();
  expect(code).toBe(0);
  await untilShown("4\n", ["web-0", "web-1", "web-2"]);
});
