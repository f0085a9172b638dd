import fc from "fast-check";
import { expect, test } from "vitest";
import { type ReflectorStatus } from "../../src/kube/reflector-spec.ts";
import { JOBS, object, PODS, pod } from "../support/objects.ts";
import { setup, until, names, untilWatched } from "./support/reflector.ts";

test("an API server that does not answer is retried until it does", async () => {
  const { cluster, start } = setup();
  cluster.put(pod("a"));
  cluster.setFailure(PODS, "unreachable");
  const reflector = start();
  await until(reflector, () => reflector.status.state === "retrying");
  expect("error" in reflector.status && reflector.status.error.code).toBe("KINSYNC_CLUSTER_UNREACHABLE");
  expect(reflector.isSettled).toBe(false);
  cluster.setFailure(PODS, undefined);
  await until(reflector, () => reflector.status.state === "synced");
  expect(names(reflector)).toEqual(["a"]);
});

test("a forbidden list is reported, settled, and recovers by itself", async () => {
  const { cluster, start } = setup({ resource: JOBS });
  cluster.put(object(JOBS, "a"));
  cluster.setFailure(JOBS, "forbidden");
  const reflector = start();
  await until(reflector, () => reflector.status.state === "forbidden");
  expect(reflector.isSettled).toBe(true);
  expect(reflector.isUnavailable).toBe(true);
  expect("error" in reflector.status && reflector.status.error.code).toBe("KINSYNC_CLUSTER_FORBIDDEN");
  cluster.setFailure(JOBS, undefined);
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
  cluster.setFailure(PODS, "watch-forbidden");
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
  cluster.setFailure(PODS, undefined);
  await until(reflector, () => reflector.status.state === "synced");
  cluster.put(pod("d"));
  await until(reflector, () => reflector.store.size === 4);
});

test("a network failure does not make a forbidden list look available", async () => {
  const { cluster, start } = setup({ resource: JOBS });
  cluster.setFailure(JOBS, "forbidden");
  const reflector = start();
  await until(reflector, () => reflector.status.state === "forbidden");
  cluster.setFailure(JOBS, "unreachable");
  await until(reflector, () => reflector.status.state === "retrying");
  expect(reflector.isUnavailable).toBe(true);
});

test("a removed CRD removes its objects, and is watched again when it returns", async () => {
  const { cluster, start } = setup({ resource: JOBS });
  cluster.put(object(JOBS, "a"));
  const reflector = start();
  await until(reflector, () => reflector.status.state === "synced");
  await untilWatched(cluster);
  cluster.setFailure(JOBS, "not-installed");
  cluster.drop();
  await until(reflector, () => reflector.status.state === "not-installed");
  expect(reflector.store.size).toBe(0);
  cluster.setFailure(JOBS, undefined);
  await until(reflector, () => reflector.store.size === 1);
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
        else if (one.do === "forbid") cluster.setFailure(PODS, "forbidden");
        else if (one.do === "allow") cluster.setFailure(PODS, undefined);
        else await new Promise((resolve) => setImmediate(resolve));
      }
      cluster.setFailure(PODS, undefined);
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
