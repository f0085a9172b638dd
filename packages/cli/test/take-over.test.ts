import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { TestCluster } from "./support/cluster.ts";
import { readIn } from "./support/playground.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start();
});

afterAll(() => cluster[Symbol.asyncDispose]());

const content = (): Promise<string | undefined> => readIn(cluster.playground, "app", "src/main.py");

test("a single sync from another terminal does not end a running up: later saves arrive again", async () => {
  const stop = new AbortController();
  const env = { KUBECONFIG: cluster.playground.kubeconfigPath };
  const up = cluster.place.run(["up", "pod/app", "--sync", "src:src"], { env, signal: stop.signal });
  await vi.waitFor(async () => expect(await content()).toBe("print(1)\n"), 20_000);
  expect(await cluster.run("sync pod/app --sync src:src")).toMatchObject({ code: 0 });
  await cluster.place.write("src/main.py", "print(2)\n");
  await vi.waitFor(async () => expect(await content()).toBe("print(2)\n"), 20_000);
  stop.abort(new Error("interrupted"));
  expect(await up).toMatchObject({ code: 130 });
});

test("of two runs of up, the older one is stopped and continues when the newer one ends", async () => {
  const env = { KUBECONFIG: cluster.playground.kubeconfigPath };
  const [older, newer] = [new AbortController(), new AbortController()];
  await cluster.place.write("src/main.py", "print(3)\n");
  const first = cluster.place.run(["up", "pod/app", "--sync", "src:src"], { env, signal: older.signal });
  await vi.waitFor(async () => expect(await content()).toBe("print(3)\n"), 20_000);
  const second = cluster.place.run(["up", "pod/app", "--sync", "src:src"], { env, signal: newer.signal });
  await delay(1_500);
  await cluster.place.write("src/main.py", "print(4)\n");
  await vi.waitFor(async () => expect(await content()).toBe("print(4)\n"), 20_000);
  newer.abort(new Error("interrupted"));
  await second;
  await cluster.place.write("src/main.py", "print(5)\n");
  await vi.waitFor(async () => expect(await content()).toBe("print(5)\n"), 20_000);
  older.abort(new Error("interrupted"));
  expect((await first).stdout).toMatch(/^stopped app: another kinsync \(.* now writes/m);
});
