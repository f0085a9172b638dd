import { describe, expect, test } from "vitest";

import { startGarbageCollector } from "../../src/store/garbage-collector.ts";
import { createObjectStore } from "../../src/store/object-store.ts";
import type { StoreChange } from "../../src/store/change-feed.ts";
import type { PlaygroundStore } from "../../src/store/object-store.ts";
import { StatusError } from "../../src/status-error.ts";
import type { NewObject, StoredObject } from "../../src/world.ts";

function pod(name: string, more: Partial<NewObject["metadata"]> = {}, spec: Record<string, unknown> = {}): NewObject {
  return { metadata: { name, ...more }, spec: { containers: [{ name: "app", image: "app:1" }], ...spec } };
}

function ownedBy(owner: StoredObject, blockOwnerDeletion = true): Partial<NewObject["metadata"]> {
  const { name, uid } = owner.metadata;
  return {
    ownerReferences: [
      { apiVersion: owner.apiVersion, kind: owner.kind, name, uid, controller: true, blockOwnerDeletion },
    ],
  };
}

function configMap(name: string, more: Partial<NewObject["metadata"]> = {}): NewObject {
  return { metadata: { name, ...more } };
}

function failure(run: () => unknown): StatusError {
  try {
    run();
  } catch (error) {
    if (error instanceof StatusError) {
      return error;
    }
    throw error;
  }
  throw new Error("nothing was refused");
}

/** Settles when the store says so; every change is looked at. */
function until(store: PlaygroundStore, holds: () => boolean): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const subscription = store.observe(() => {
    if (holds()) {
      resolve();
    }
  });
  if (holds()) {
    resolve();
  }
  return promise.finally(() => {
    subscription[Symbol.dispose]();
  });
}

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

  test("what the caller does to an object stays with the caller", () => {
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

  test("status and spec have a writer each", () => {
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
    ["a name that is no name", 422, "Invalid", (store: PlaygroundStore) => store.create("pods", "default", pod("A_b"))],
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

  test("a listener that writes does not overtake the change that it answers", () => {
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

  test("history goes on from a version, until it is compacted", () => {
    const store = createObjectStore();
    const { revision } = store;
    store.create("configmaps", "default", configMap("a"));
    store.delete("configmaps", "default", "a");
    const told = (changes: readonly StoreChange[] | undefined): string[] | undefined =>
      changes?.map(({ type }) => type);
    expect(told(store.changesSince(revision))).toEqual(["ADDED", "DELETED"]);
    store.compact();
    expect(store.changesSince(revision)).toBeUndefined();
    expect(store.changesSince(store.revision)).toEqual([]);
  });
});

describe("pods under deletion", () => {
  test("a scheduled pod stays until its processes have ended", () => {
    const store = createObjectStore();
    const made = store.create("pods", "default", pod("a", {}, { nodeName: "n", terminationGracePeriodSeconds: 5 }));
    store.delete("pods", "default", "a");
    expect(store.get("pods", "default", "a")?.metadata).toMatchObject({ deletionGracePeriodSeconds: 5 });
    store.remove("pods", "default", "a", "another uid");
    expect(store.get("pods", "default", "a")).toBeDefined();
    store.remove("pods", "default", "a", made.metadata.uid);
    expect(store.get("pods", "default", "a")).toBeUndefined();
  });

  test("a pod that no node has, and a forced deletion, go at once", () => {
    const store = createObjectStore();
    store.create("pods", "default", pod("a"));
    store.create("pods", "default", pod("b", {}, { nodeName: "n" }));
    store.delete("pods", "default", "a");
    store.delete("pods", "default", "b", { gracePeriodSeconds: 0 });
    expect(store.list("pods")).toEqual([]);
  });

  test("a finalizer keeps the pod after its processes have ended", () => {
    const store = createObjectStore();
    const made = store.create("pods", "default", pod("a", { finalizers: ["x/y"] }, { nodeName: "n" }));
    store.delete("pods", "default", "a");
    store.remove("pods", "default", "a", made.metadata.uid);
    const left = store.get("pods", "default", "a");
    expect(left?.metadata.deletionGracePeriodSeconds).toBe(0);
    store.update("pods", { ...left!, metadata: { ...left!.metadata, finalizers: [] } });
    expect(store.get("pods", "default", "a")).toBeUndefined();
  });
});

describe("garbage collection", () => {
  function family(store: PlaygroundStore): { parent: StoredObject; child: StoredObject; grandchild: StoredObject } {
    const parent = store.create("configmaps", "default", configMap("parent"));
    const child = store.create("configmaps", "default", configMap("child", ownedBy(parent)));
    const grandchild = store.create("configmaps", "default", configMap("grandchild", ownedBy(child)));
    return { parent, child, grandchild };
  }
  const names = (store: PlaygroundStore): string[] => store.view("configmaps").map(({ metadata }) => metadata.name);

  test("in the background the owner goes first", async () => {
    const store = createObjectStore();
    using _collector = startGarbageCollector(store);
    family(store);
    const order: string[] = [];
    using _subscription = store.subscribe(({ type, object }) => {
      order.push(`${type} ${object.metadata.name}`);
    });
    store.delete("configmaps", "default", "parent");
    expect(names(store)).toEqual(["child", "grandchild"]);
    await until(store, () => names(store).length === 0);
    expect(order).toEqual(["DELETED parent", "DELETED child", "DELETED grandchild"]);
  });

  test("in the foreground the owner goes last", async () => {
    const store = createObjectStore();
    using _collector = startGarbageCollector(store);
    family(store);
    store.delete("configmaps", "default", "parent", { propagation: "Foreground" });
    expect(store.get("configmaps", "default", "parent")?.metadata.finalizers).toEqual(["foregroundDeletion"]);
    const gone: string[] = [];
    using _subscription = store.subscribe(({ type, object }) => {
      if (type === "DELETED") {
        gone.push(object.metadata.name);
      }
    });
    await until(store, () => names(store).length === 0);
    expect(gone).toEqual(["grandchild", "child", "parent"]);
  });

  test("a foreground deletion does not wait for dependents that do not block", async () => {
    const store = createObjectStore();
    using _collector = startGarbageCollector(store);
    const parent = store.create("configmaps", "default", configMap("parent"));
    store.create("pods", "default", pod("slow", ownedBy(parent, false), { nodeName: "n" }));
    store.delete("configmaps", "default", "parent", { propagation: "Foreground" });
    await until(store, () => names(store).length === 0);
    await until(store, () => store.get("pods", "default", "slow")?.metadata.deletionTimestamp !== undefined);
    expect(store.get("pods", "default", "slow")).toBeDefined();
  });

  test("orphans stay and lose their owner", async () => {
    const store = createObjectStore();
    using _collector = startGarbageCollector(store);
    family(store);
    store.delete("configmaps", "default", "parent", { propagation: "Orphan" });
    await until(store, () => !names(store).includes("parent"));
    expect(store.get("configmaps", "default", "child")?.metadata.ownerReferences).toBeUndefined();
    expect(names(store)).toEqual(["child", "grandchild"]);
  });

  test("an object whose owner does not exist is collected", async () => {
    const store = createObjectStore();
    using _collector = startGarbageCollector(store);
    const parent = store.create("configmaps", "default", configMap("parent"));
    store.delete("configmaps", "default", "parent");
    store.create("configmaps", "default", configMap("late", ownedBy(parent)));
    await until(store, () => names(store).length === 0);
    expect(names(store)).toEqual([]);
  });

  test("a second owner that lives keeps the object", async () => {
    const store = createObjectStore();
    using _collector = startGarbageCollector(store);
    const one = store.create("configmaps", "default", configMap("one"));
    const two = store.create("configmaps", "default", configMap("two"));
    const both = [...ownedBy(one).ownerReferences!, ...ownedBy(two).ownerReferences!];
    store.create("configmaps", "default", configMap("child", { ownerReferences: both }));
    store.delete("configmaps", "default", "one");
    await until(store, () => store.get("configmaps", "default", "child")?.metadata.ownerReferences?.length === 1);
    expect(names(store)).toEqual(["child", "two"]);
  });

  test("a held collector leaves the moment open in which only the owner is gone", async () => {
    const store = createObjectStore();
    using collector = startGarbageCollector(store);
    family(store);
    const held = collector.hold();
    store.delete("configmaps", "default", "parent");
    await new Promise(setImmediate);
    expect(names(store)).toEqual(["child", "grandchild"]);
    held[Symbol.dispose]();
    await until(store, () => names(store).length === 0);
  });

  test("a namespace under deletion takes nothing new and goes when it is empty", async () => {
    const store = createObjectStore();
    using _collector = startGarbageCollector(store);
    store.create("namespaces", undefined, { metadata: { name: "team" } });
    const made = store.create("pods", "team", pod("a", {}, { nodeName: "n" }));
    store.delete("namespaces", undefined, "team");
    expect(store.get("namespaces", undefined, "team")?.status?.["phase"]).toBe("Terminating");
    expect(failure(() => store.create("pods", "team", pod("b")))).toMatchObject({ code: 403, reason: "Forbidden" });
    await until(store, () => store.get("pods", "team", "a")?.metadata.deletionTimestamp !== undefined);
    store.remove("pods", "team", "a", made.metadata.uid);
    await until(store, () => store.get("namespaces", undefined, "team") === undefined);
  });
});

describe("custom resources", () => {
  const definition: NewObject = {
    metadata: { name: "trains.example.org" },
    spec: {
      group: "example.org",
      scope: "Namespaced",
      names: { plural: "trains", kind: "Train" },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: { openAPIV3Schema: { properties: { spec: { properties: { cars: { default: 3 } } } } } },
        },
      ],
    },
  };
  const DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io";

  test("a definition makes its resource, with defaults, and takes it and its objects away", () => {
    const store = createObjectStore();
    expect(failure(() => store.list("trains.example.org"))).toMatchObject({ code: 404 });
    store.create(DEFINITIONS, undefined, definition);
    const made = store.create("trains.example.org", "default", { metadata: { name: "t" }, spec: {} });
    expect(made).toMatchObject({ apiVersion: "example.org/v1", kind: "Train", spec: { cars: 3 } });
    const gone: string[] = [];
    using _subscription = store.subscribe(({ type, resource }) => {
      gone.push(`${type} ${resource}`);
    });
    store.delete(DEFINITIONS, undefined, "trains.example.org");
    expect(gone).toEqual(["DELETED trains.example.org", `DELETED ${DEFINITIONS}`]);
    expect(failure(() => store.list("trains.example.org"))).toMatchObject({ code: 404 });
  });

  test("a definition whose name is not plural.group is refused", () => {
    const wrong = { ...definition, metadata: { name: "train.example.org" } };
    expect(failure(() => createObjectStore().create(DEFINITIONS, undefined, wrong))).toMatchObject({ code: 422 });
  });
});
