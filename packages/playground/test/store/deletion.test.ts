import { describe, expect, test } from "vitest";

import { createObjectStore } from "../../src/store/object-store.ts";
import { pod } from "../support/store-fixture.ts";

describe("deletion of pods", () => {
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

  test("an unscheduled pod, and one deleted with grace period 0, are removed at once", () => {
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
