import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import type { KubeObject } from "../../src/contract/index.ts";
import {
  DEFAULT_TIMING,
  type ReflectorSpec,
  type ReflectorStatus,
  type ReflectorTiming,
} from "../../src/kube/reflector-spec.ts";
import { Reflector } from "../../src/kube/reflector.ts";
import { ReflectorPool } from "../../src/kube/reflector-pool.ts";
import { FakeCluster } from "../support/fake-cluster.ts";
import { ALL, JOBS, NAMESPACE, object, PODS, pod } from "../support/objects.ts";

const FAST: ReflectorTiming = { ...DEFAULT_TIMING, retry: { min: 1, max: 2 }, slow: { min: 1, max: 2 } };

const open: AsyncDisposable[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one[Symbol.asyncDispose]();
});

function setup(spec: Partial<ReflectorSpec> = {}, timing: Partial<ReflectorTiming> = {}) {
  const cluster = new FakeCluster(ALL);
  const start = (): Reflector => {
    const reflector = new Reflector(cluster, { resource: PODS, namespace: NAMESPACE, ...spec }, { ...FAST, ...timing });
    open.push(reflector);
    return reflector;
  };
  return { cluster, start };
}

/** Resolves when the condition holds; looked at whenever the reflector has news. */
async function until(reflector: Reflector, condition: () => boolean): Promise<void> {
  if (condition()) return;
  await new Promise<void>((resolve) => {
    const look = (): void => {
      if (!condition()) return;
      subscription[Symbol.dispose]();
      resolve();
    };
    const subscription = reflector.subscribe({ onChange: look, onStatus: look });
  });
}

function names(reflector: Reflector): string[] {
  return [...reflector.store.values()].map((held) => held.metadata.name).sort();
}

async function untilWatched(cluster: FakeCluster): Promise<void> {
  while (cluster.openWatches === 0) await new Promise((resolve) => setImmediate(resolve));
}

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

test("events are applied, also when every byte arrives alone", async () => {
  const { cluster, start } = setup();
  cluster.chunk = 1;
  cluster.put(pod("a", { labels: { text: "ünïcödé ✓" } }));
  const reflector = start();
  await until(reflector, () => reflector.status.state === "synced");
  await untilWatched(cluster);
  cluster.put(pod("b", { labels: { text: "ünïcödé ✓" } }));
  await until(reflector, () => names(reflector).length === 2);
  expect(reflector.store.get("uid-b")?.metadata.labels).toEqual({ text: "ünïcödé ✓" });
  cluster.delete(pod("a"));
  await until(reflector, () => names(reflector).length === 1);
  expect(names(reflector)).toEqual(["b"]);
});

test("a dropped watch continues from its version", async () => {
  const { cluster, start } = setup();
  cluster.put(pod("a"));
  const reflector = start();
  await until(reflector, () => reflector.status.state === "synced");
  await untilWatched(cluster);
  cluster.drop();
  cluster.put(pod("b"));
  cluster.delete(pod("a"));
  await until(reflector, () => names(reflector).join() === "b");
  const lists = cluster.requests.filter((request) => request.query?.["watch"] !== true);
  expect(lists).toHaveLength(1);
});

test("a bookmark updates the version that the next watch starts from", async () => {
  const { cluster, start } = setup();
  const reflector = start();
  await until(reflector, () => reflector.status.state === "synced");
  await untilWatched(cluster);
  cluster.bookmark(PODS);
  cluster.put(pod("a"));
  await until(reflector, () => names(reflector).length === 1);
  const again = cluster.nextRequest((request) => request.query?.["watch"] === true);
  cluster.end();
  await again;
  expect(cluster.requests.at(-1)?.query?.["resourceVersion"]).toBe(
    reflector.store.get("uid-a")?.metadata.resourceVersion,
  );
});

test("an expired version is listed again, and objects deleted meanwhile are removed", async () => {
  const { cluster, start } = setup();
  cluster.put(pod("a"), pod("b"));
  const reflector = start();
  await until(reflector, () => reflector.status.state === "synced");
  await untilWatched(cluster);
  cluster.drop();
  cluster.delete(pod("a"));
  cluster.put(pod("c"));
  cluster.compact();
  await until(reflector, () => names(reflector).join() === "b,c");
  expect(reflector.status.state).toBe("synced");
});

test("a name that returns with another UID is a deletion and an addition", async () => {
  const { cluster, start } = setup();
  cluster.put(pod("a", { uid: "old" }));
  const reflector = start();
  await until(reflector, () => reflector.status.state === "synced");
  await untilWatched(cluster);
  const seen: string[] = [];
  reflector.subscribe({
    onChange: (changes) => seen.push(...changes.map((change) => `${change.type} ${change.object.metadata.uid}`)),
  });
  cluster.drop();
  cluster.put(pod("a", { uid: "new" }));
  cluster.compact();
  await until(reflector, () => reflector.store.get("new") !== undefined);
  expect(seen).toEqual(["deleted old", "added new"]);
});

test("a missed deletion of a name does not leave two objects", async () => {
  const { cluster, start } = setup();
  cluster.put(pod("a", { uid: "old" }));
  const reflector = start();
  await until(reflector, () => reflector.status.state === "synced");
  await untilWatched(cluster);
  cluster.send(PODS, { type: "ADDED", object: pod("a", { uid: "new" }) });
  await until(reflector, () => reflector.store.get("new") !== undefined);
  expect(reflector.store.get("old")).toBeUndefined();
});

test("an API server that does not answer is retried until it does", async () => {
  const { cluster, start } = setup();
  cluster.put(pod("a"));
  cluster.trouble(PODS, "unreachable");
  const reflector = start();
  await until(reflector, () => reflector.status.state === "retrying");
  expect("error" in reflector.status && reflector.status.error.code).toBe("KINSYNC_CLUSTER_UNREACHABLE");
  expect(reflector.isSettled).toBe(false);
  cluster.trouble(PODS, undefined);
  await until(reflector, () => reflector.status.state === "synced");
  expect(names(reflector)).toEqual(["a"]);
});

test("a forbidden list is reported, settled, and recovers by itself", async () => {
  const { cluster, start } = setup({ resource: JOBS });
  cluster.put(object(JOBS, "a"));
  cluster.trouble(JOBS, "forbidden");
  const reflector = start();
  await until(reflector, () => reflector.status.state === "forbidden");
  expect(reflector.isSettled).toBe(true);
  expect(reflector.isUnavailable).toBe(true);
  expect("error" in reflector.status && reflector.status.error.code).toBe("KINSYNC_CLUSTER_FORBIDDEN");
  cluster.trouble(JOBS, undefined);
  await until(reflector, () => reflector.status.state === "synced");
  expect(reflector.isUnavailable).toBe(false);
  expect(names(reflector)).toEqual(["a"]);
});

test("a resource that may be listed and not watched is reported and listed again and again", async () => {
  const { cluster, start } = setup();
  cluster.put(pod("a"));
  const reflector = start();
  await until(reflector, () => reflector.status.state === "synced");
  await untilWatched(cluster);
  const told: string[] = [];
  using _ = reflector.subscribe({ onStatus: (status) => void told.push(status.state) });
  cluster.trouble(PODS, "watch-forbidden");
  cluster.drop();
  await until(reflector, () => "error" in reflector.status);
  const { error } = reflector.status as Extract<ReflectorStatus, { readonly error: unknown }>;
  expect(error.code).toBe("KINSYNC_CLUSTER_FORBIDDEN");
  expect(error.message).toMatch(/watch pods.*listed every few seconds instead/);
  expect(error.hint).toContain("watch");
  expect(reflector.isUnavailable).toBe(false);
  cluster.put(pod("b"));
  await until(reflector, () => reflector.store.size === 2);
  cluster.put(pod("c"));
  await until(reflector, () => reflector.store.size === 3);
  expect(told).toEqual(["retrying"]);
  cluster.trouble(PODS, undefined);
  await until(reflector, () => reflector.status.state === "synced");
  cluster.put(pod("d"));
  await until(reflector, () => reflector.store.size === 4);
});

test("a network failure does not make a forbidden list look available", async () => {
  const { cluster, start } = setup({ resource: JOBS });
  cluster.trouble(JOBS, "forbidden");
  const reflector = start();
  await until(reflector, () => reflector.status.state === "forbidden");
  cluster.trouble(JOBS, "unreachable");
  await until(reflector, () => reflector.status.state === "retrying");
  expect(reflector.isUnavailable).toBe(true);
});

test("a removed CRD removes its objects, and is watched again when it returns", async () => {
  const { cluster, start } = setup({ resource: JOBS });
  cluster.put(object(JOBS, "a"));
  const reflector = start();
  await until(reflector, () => reflector.status.state === "synced");
  await untilWatched(cluster);
  cluster.trouble(JOBS, "not-installed");
  cluster.drop();
  await until(reflector, () => reflector.status.state === "not-installed");
  expect(reflector.store.size).toBe(0);
  cluster.trouble(JOBS, undefined);
  await until(reflector, () => reflector.store.size === 1);
});

test("an ERROR event other than 410 is reported and listed again", async () => {
  const { cluster, start } = setup();
  cluster.put(pod("a"));
  const reflector = start();
  await until(reflector, () => reflector.status.state === "synced");
  await untilWatched(cluster);
  cluster.send(PODS, { type: "ERROR", object: { kind: "Status", code: 500, message: "etcd is gone" } });
  await until(reflector, () => reflector.status.state === "retrying");
  expect("error" in reflector.status && reflector.status.error.message).toContain("etcd is gone");
  await until(reflector, () => reflector.status.state === "synced");
});

test("a line that is not JSON is reported, and the watch continues", async () => {
  const { cluster, start } = setup();
  const reflector = start();
  await until(reflector, () => reflector.status.state === "synced");
  await untilWatched(cluster);
  cluster.sendRaw(PODS, "<html>login</html>\n");
  await until(reflector, () => reflector.status.state === "retrying");
  cluster.put(pod("a"));
  await until(reflector, () => names(reflector).join() === "a");
  expect(reflector.status.state).toBe("synced");
});

test("a silent watch is requested again", async () => {
  const { cluster, start } = setup({}, { idle: 20 });
  cluster.put(pod("a"));
  const reflector = start();
  await until(reflector, () => reflector.status.state === "synced");
  await untilWatched(cluster);
  const again = cluster.nextRequest((request) => request.query?.["watch"] === true);
  await again;
  cluster.put(pod("b"));
  await until(reflector, () => names(reflector).length === 2);
  expect(reflector.status.state).toBe("synced");
});

test("after any failures of the API server and the network the store equals the list", async () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant("put" as const), at: fc.nat(4), uid: fc.nat(2) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("delete" as const), at: fc.nat(4), uid: fc.nat(2) }) },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constantFrom(
          "drop",
          "end",
          "compact",
          "expire",
          "bookmark",
          "garbage",
          "forbid",
          "allow",
          "wait",
          "error",
        ),
      }),
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { cluster, start } = setup({}, { pageSize: 2 });
      const reflector = start();
      for (const one of steps) {
        if (one.do === "put") cluster.put(pod(`p${one.at}`, { uid: `${one.at}-${one.uid}` }));
        else if (one.do === "delete") cluster.delete(pod(`p${one.at}`));
        else if (one.do === "drop") cluster.drop();
        else if (one.do === "end") cluster.end();
        else if (one.do === "compact") cluster.compact();
        else if (one.do === "expire") cluster.expirePages(2);
        else if (one.do === "bookmark") cluster.bookmark(PODS);
        else if (one.do === "garbage") cluster.sendRaw(PODS, "{\n");
        else if (one.do === "error") cluster.send(PODS, { type: "ERROR", object: { kind: "Status", code: 500 } });
        else if (one.do === "forbid") cluster.trouble(PODS, "forbidden");
        else if (one.do === "allow") cluster.trouble(PODS, undefined);
        else await new Promise((resolve) => setImmediate(resolve));
      }
      cluster.trouble(PODS, undefined);
      cluster.put(pod("last"));
      await until(reflector, () => reflector.store.get("uid-last") !== undefined);
      const held = [...reflector.store.values()].map((one) => `${one.metadata.name} ${one.metadata.uid}`).sort();
      expect(held).toEqual(
        cluster
          .objectsOf(PODS)
          .map((one) => `${one.metadata.name} ${one.metadata.uid}`)
          .sort(),
      );
      await reflector[Symbol.asyncDispose]();
      expect(cluster.openWatches).toBe(0);
    }),
    { numRuns: 200 },
  );
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
  open.push(pool);
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
