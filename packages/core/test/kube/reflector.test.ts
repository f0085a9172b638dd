import { expect, onTestFinished, test } from "vitest";
import type { KubeObject } from "../../src/contract/index.ts";
import { ReflectorPool } from "../../src/kube/reflector-pool.ts";
import { FakeCluster } from "../support/fake-cluster.ts";
import { ALL, JOBS, NAMESPACE, object, PODS, pod } from "../support/objects.ts";
import { FAST, setup, until, names, untilWatched } from "./support/reflector.ts";

test("a list of several pages is complete before it counts as synced", async () => {
  const { cluster, start } = setup({}, { pageSize: 2 });
  cluster.put(pod("a"), pod("b"), pod("c"), pod("d"), pod("e"));
  const reflector = start();
  expect(reflector.isComplete).toBe(false);
  await until(reflector, () => reflector.status.state === "synced");
  expect(names(reflector)).toEqual(["a", "b", "c", "d", "e"]);
});

test("a list that expires between two pages starts again", async () => {
  const { cluster, start } = setup({}, { pageSize: 1 });
  cluster.put(pod("a"), pod("b"), pod("c"));
  cluster.expirePages(2);
  const reflector = start();
  await until(reflector, () => reflector.status.state === "synced");
  expect(names(reflector)).toEqual(["a", "b", "c"]);
});

test("a list whose pages always expire is requested in one page", async () => {
  const { cluster, start } = setup({}, { pageSize: 1 });
  cluster.put(pod("a"), pod("b"), pod("c"));
  cluster.expirePages(1000);
  const reflector = start();
  await until(reflector, () => reflector.status.state === "synced");
  expect(names(reflector)).toEqual(["a", "b", "c"]);
});

test("the store holds a pod without the fields that are trimmed", async () => {
  const { cluster, start } = setup();
  const full = pod("a", {
    annotations: { "kubectl.kubernetes.io/last-applied-configuration": "{}", other: "1" },
    spec: { containers: [{ name: "main", env: [{ name: "SECRET", value: "x" }] }], tolerations: [{}] },
  });
  const managed = { ...full, metadata: { ...full.metadata, managedFields: [{ manager: "kubectl" }] } } as KubeObject;
  cluster.put(managed);
  const reflector = start();
  await until(reflector, () => reflector.status.state === "synced");
  const held = reflector.store.get("uid-a");
  expect(held?.metadata.annotations).toEqual({ other: "1" });
  expect(held?.metadata).not.toHaveProperty("managedFields");
  expect(held?.spec).toEqual({ containers: [{ name: "main" }] });
  expect(held?.kind).toBe("Pod");
  expect(held?.apiVersion).toBe("v1");
  expect(Object.isFrozen(held?.spec?.["containers"])).toBe(true);
});

test("a change in what is not kept is no change", async () => {
  const { cluster, start } = setup();
  cluster.put(pod("a"));
  const reflector = start();
  await until(reflector, () => reflector.status.state === "synced");
  await untilWatched(cluster);
  const seen: string[] = [];
  reflector.subscribe({ onChange: (changes) => seen.push(...changes.map((change) => change.object.metadata.name)) });
  cluster.put({ ...pod("a"), spec: { containers: [{ name: "main", image: "busybox:1", env: [] }] } });
  cluster.put(pod("b"));
  await until(reflector, () => reflector.store.size === 2);
  expect(seen).toEqual(["b"]);
});

test("metadata only: the object has its type and metadata, and nothing else", async () => {
  const { cluster, start } = setup({ resource: JOBS, metadataOnly: true });
  cluster.put(object(JOBS, "a", { spec: { parallelism: 3 }, labels: { x: "1" } }));
  const reflector = start();
  await until(reflector, () => reflector.status.state === "synced");
  await untilWatched(cluster);
  cluster.put(object(JOBS, "b", { spec: { parallelism: 3 } }));
  await until(reflector, () => reflector.store.size === 2);
  for (const held of reflector.store.values()) {
    expect(held).toMatchObject({ kind: "Job", apiVersion: "batch/v1" });
    expect(held.spec).toBeUndefined();
  }
});

test("one object is watched by its name", async () => {
  const { cluster, start } = setup({ resource: JOBS, name: "a" });
  cluster.put(object(JOBS, "a"), object(JOBS, "b"));
  const reflector = start();
  await until(reflector, () => reflector.status.state === "synced");
  expect(names(reflector)).toEqual(["a"]);
});

test("a disposed reflector closes its watch", async () => {
  const { cluster, start } = setup();
  const reflector = start();
  await until(reflector, () => reflector.status.state === "synced");
  await untilWatched(cluster);
  await reflector[Symbol.asyncDispose]();
  expect(cluster.openWatches).toBe(0);
});

test("two leases of one spec share a reflector, which ends with the last lease", async () => {
  const cluster = new FakeCluster(ALL);
  const pool = new ReflectorPool({ cluster, timing: FAST });
  onTestFinished(() => pool[Symbol.asyncDispose]());
  const spec = { resource: PODS, namespace: NAMESPACE };
  const first = pool.acquire(spec);
  const second = pool.acquire({ ...spec });
  const other = pool.acquire({ ...spec, labelSelector: "app=web" });
  expect(first.reflector).toBe(second.reflector);
  expect(other.reflector).not.toBe(first.reflector);
  await until(first.reflector, () => first.reflector.status.state === "synced");
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  expect(pool.size).toBe(2);
  second[Symbol.dispose]();
  expect(pool.size).toBe(1);
  await pool[Symbol.asyncDispose]();
  expect(cluster.openWatches).toBe(0);
});
