import { describe, expect, test } from "vitest";

import { startGarbageCollector } from "../../src/store/garbage-collector.ts";
import { createObjectStore } from "../../src/store/object-store.ts";
import type { PlaygroundStore } from "../../src/store/playground-store.ts";
import type { StoredObject } from "../../src/world.ts";
import { configMap, failure, ownedBy, pod, until } from "../support/store-fixture.ts";

describe("garbage collection", () => {
  function family(store: PlaygroundStore): { parent: StoredObject; child: StoredObject; grandchild: StoredObject } {
    const parent = store.create("configmaps", "default", configMap("parent"));
    const child = store.create("configmaps", "default", configMap("child", ownedBy(parent)));
    const grandchild = store.create("configmaps", "default", configMap("grandchild", ownedBy(child)));
    return { parent, child, grandchild };
  }
  const names = (store: PlaygroundStore): string[] => store.view("configmaps").map(({ metadata }) => metadata.name);

  test("in the background, the owner is deleted first", async () => {
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

  test("in the foreground, the owner is deleted last", async () => {
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

  test("orphans stay and lose their owner reference", async () => {
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

  test("an object with a second, existing owner stays", async () => {
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

  test("while the collector is held, dependents outlive their owner", async () => {
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

  test("a namespace that is being deleted accepts no objects, and is removed when it is empty", async () => {
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
