import { describe, expect, test } from "vitest";

import { createObjectStore } from "../../src/store/object-store.ts";
import type { StoreChange } from "../../src/store/change-feed.ts";
import type { PlaygroundStore } from "../../src/store/playground-store.ts";
import { configMap, failure, pod } from "../support/store-fixture.ts";

describe("objects", () => {
  test("a created object has identity, version and defaults", () => {
    const store = createObjectStore();
    const made = store.create("pods", "default", pod("a"));
    expect(made).toMatchObject({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "a", namespace: "default", generation: 1 },
      spec: { restartPolicy: "Always", terminationGracePeriodSeconds: 30 },
      status: { phase: "Pending" },
    });
    expect(made.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(store.get("pods", "default", "a")).toEqual(made);
  });

  test("a generated name starts with its prefix", () => {
    const store = createObjectStore();
    const { metadata, ...rest } = pod("");
    const made = store.create("pods", "default", { ...rest, metadata: { ...metadata, generateName: "web-" } });
    expect(made.metadata.name).toMatch(/^web-[a-z0-9]{5}$/);
  });

  test("a change to a returned object does not change the store", () => {
    const store = createObjectStore();
    const made = store.create("configmaps", "default", configMap("a"));
    made.metadata.labels = { mine: "yes" };
    expect(store.get("configmaps", "default", "a")?.metadata.labels).toBeUndefined();
  });

  test("a spec change raises the generation, a label change does not, an equal write changes nothing", () => {
    const store = createObjectStore();
    const made = store.create("jobs.batch", "default", {
      metadata: { name: "j" },
      spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "app", image: "app:1" }] } } },
    });
    const labeled = store.update("jobs.batch", { ...made, metadata: { ...made.metadata, labels: { a: "b" } } });
    expect(labeled.metadata.generation).toBe(1);
    expect(labeled.metadata.resourceVersion).not.toBe(made.metadata.resourceVersion);
    expect(store.update("jobs.batch", labeled).metadata.resourceVersion).toBe(labeled.metadata.resourceVersion);
    const scaled = store.update("jobs.batch", { ...labeled, spec: { ...labeled.spec, parallelism: 3 } });
    expect(scaled.metadata.generation).toBe(2);
  });

  test("update keeps the status, updateStatus keeps the spec", () => {
    const store = createObjectStore();
    const made = store.create("pods", "default", pod("a"));
    const running = store.updateStatus("pods", { ...made, spec: {}, status: { phase: "Running" } });
    expect(running.spec).toEqual(made.spec);
    const bound = store.update("pods", {
      ...running,
      spec: { ...running.spec, nodeName: "n" },
      status: { phase: "Lost" },
    });
    expect(bound.status).toEqual({ phase: "Running" });
  });

  test.each([
    ["an unknown namespace", 404, "NotFound", (store: PlaygroundStore) => store.create("pods", "nowhere", pod("a"))],
    ["an invalid name", 422, "Invalid", (store: PlaygroundStore) => store.create("pods", "default", pod("A_b"))],
    [
      "a label value with a space",
      422,
      "Invalid",
      (store: PlaygroundStore) => store.create("pods", "default", pod("a", { labels: { x: "a b" } })),
    ],
    [
      "a pod without containers",
      422,
      "Invalid",
      (store: PlaygroundStore) => store.create("pods", "default", { metadata: { name: "a" }, spec: {} }),
    ],
    [
      "a taken name",
      409,
      "AlreadyExists",
      (store: PlaygroundStore) => {
        store.create("pods", "default", pod("a"));
        store.create("pods", "default", pod("a"));
      },
    ],
    [
      "an old version",
      409,
      "Conflict",
      (store: PlaygroundStore) => {
        const made = store.create("configmaps", "default", configMap("a"));
        store.update("configmaps", { ...made, data: { a: "1" } });
        store.update("configmaps", { ...made, data: { a: "2" } });
      },
    ],
    [
      "another uid",
      409,
      "Conflict",
      (store: PlaygroundStore) => {
        store.create("configmaps", "default", configMap("a"));
        store.delete("configmaps", "default", "a", { uid: "other" });
      },
    ],
    [
      "a changed image pull policy of a pod",
      422,
      "Invalid",
      (store: PlaygroundStore) => {
        const made = store.create("pods", "default", pod("a"));
        store.update("pods", { ...made, spec: { ...made.spec, hostNetwork: true } });
      },
    ],
  ])("%s is refused", (_what, code, reason, run) => {
    expect(failure(() => run(createObjectStore()))).toMatchObject({ code, reason });
  });

  test("a change that a listener makes arrives after the change that caused it", () => {
    const store = createObjectStore();
    using _first = store.subscribe((event) => {
      if (event.type === "ADDED" && event.object.metadata.name === "a") {
        store.create("configmaps", "default", configMap("b"));
      }
    });
    const seen: string[] = [];
    using _second = store.subscribe((event) => {
      seen.push(event.object.metadata.name);
    });
    store.create("configmaps", "default", configMap("a"));
    expect(seen).toEqual(["a", "b"]);
  });

  test("the history is available from a version on, until it is compacted", () => {
    const store = createObjectStore();
    const { revision } = store;
    store.create("configmaps", "default", configMap("a"));
    store.delete("configmaps", "default", "a");
    const typesOf = (changes: readonly StoreChange[] | undefined): string[] | undefined =>
      changes?.map(({ type }) => type);
    expect(typesOf(store.changesSince(revision))).toEqual(["ADDED", "DELETED"]);
    store.compact();
    expect(store.changesSince(revision)).toBeUndefined();
    expect(store.changesSince(store.revision)).toEqual([]);
  });
});
