import { describe, expect, it } from "vitest";
import type { StoredObject } from "../../src/world.ts";
import { controllerWorld, names, template, type ControllerWorld } from "../support/controller-world.ts";

const sets = "statefulsets.apps";
const revisions = "controllerrevisions.apps";

function statefulSet(spec: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    metadata: { name: "db" },
    spec: { replicas: 3, serviceName: "db", selector: { matchLabels: { app: "db" } }, template: version("1"), ...spec },
  };
}

function version(number: string): Record<string, unknown> {
  return template({ app: "db", version: number });
}

function versions(world: ControllerWorld): string[] {
  return world.list("pods").map(({ metadata }) => metadata.labels?.["version"] ?? "");
}

function edit(world: ControllerWorld, number: string): void {
  world.edit(sets, "db", (spec) => ({ ...spec, template: version(number) }));
}

function status(world: ControllerWorld): Record<string, unknown> {
  return world.get(sets, "db").status ?? {};
}

function revisionNumber(object: StoredObject | undefined): unknown {
  return object?.["revision"];
}

describe("a new stateful set", () => {
  it("creates its pods in order, each after the previous one is ready", async () => {
    await using world = controllerWorld({ ready: () => false });
    world.create(sets, statefulSet());
    await world.settle();
    expect(names(world.list("pods"))).toEqual(["db-0"]);
  });

  it("creates all pods at once with podManagementPolicy Parallel", async () => {
    await using world = controllerWorld({ ready: () => false });
    world.create(sets, statefulSet({ podManagementPolicy: "Parallel" }));
    await world.settle();
    expect(names(world.list("pods"))).toEqual(["db-0", "db-1", "db-2"]);
  });

  it("has the names, labels and status of a real cluster", async () => {
    await using world = controllerWorld();
    world.create(sets, statefulSet({ ordinals: { start: 5 } }));
    await world.settle();
    const [revision] = world.list(revisions);
    const hash = revision?.metadata.labels?.["controller.kubernetes.io/hash"];
    expect(revision?.metadata.name).toBe(`db-${hash}`);
    expect(revisionNumber(revision)).toBe(1);
    const pod = world.get("pods", "db-5");
    expect(pod.metadata.labels).toEqual({
      app: "db",
      version: "1",
      "apps.kubernetes.io/pod-index": "5",
      "controller-revision-hash": revision?.metadata.name,
      "statefulset.kubernetes.io/pod-name": "db-5",
    });
    expect(pod.spec).toMatchObject({ hostname: "db-5", subdomain: "db" });
    expect(status(world)).toEqual({
      observedGeneration: 1,
      replicas: 3,
      readyReplicas: 3,
      availableReplicas: 3,
      currentReplicas: 3,
      updatedReplicas: 3,
      currentRevision: revision?.metadata.name,
      updateRevision: revision?.metadata.name,
      collisionCount: 0,
    });
  });
});

describe("a pod of a stateful set", () => {
  it("comes back under its name with another UID", async () => {
    await using world = controllerWorld();
    world.create(sets, statefulSet());
    await world.settle();
    const before = world.get("pods", "db-1");
    world.store.delete("pods", "default", "db-1");
    await world.settle();
    expect(world.get("pods", "db-1").metadata.uid).not.toBe(before.metadata.uid);
  });

  it("is removed from the highest ordinal down when the set is scaled down", async () => {
    await using world = controllerWorld();
    world.create(sets, statefulSet());
    await world.settle();
    world.edit(sets, "db", (spec) => ({ ...spec, replicas: 1 }));
    await world.settle();
    expect(names(world.list("pods"))).toEqual(["db-0"]);
  });
});

describe("a stateful set whose deleted namesake left its pods", () => {
  it("adopts the pods and their revision unchanged", async () => {
    await using world = controllerWorld();
    world.create(sets, statefulSet());
    await world.settle();
    const pods = world.list("pods").map(({ metadata }) => metadata.uid);
    const [revision] = world.list(revisions);
    world.store.delete(sets, "default", "db", { propagation: "Orphan" });
    await world.settle();
    const { metadata } = world.create(sets, statefulSet());
    await world.settle();
    expect(world.list("pods").map((pod) => pod.metadata.uid)).toEqual(pods);
    const owned = [...world.list("pods"), ...world.list(revisions)];
    expect(owned.map((each) => each.metadata.ownerReferences?.map(({ uid }) => uid))).toEqual(
      owned.map(() => [metadata.uid]),
    );
    expect(world.list(revisions)).toHaveLength(1);
    expect(status(world)).toMatchObject({ updatedReplicas: 3, updateRevision: revision?.metadata.name });
  });
});

describe("a stateful set whose template changes", () => {
  it("rolls from the highest ordinal down, and moves its current revision at the end", async () => {
    await using world = controllerWorld();
    world.create(sets, statefulSet());
    await world.settle();
    const before = status(world);
    const gone: string[] = [];
    using _watch = world.store.subscribe(({ type, resource, object }) => {
      if (resource === "pods" && type === "DELETED") gone.push(object.metadata.name);
    });
    edit(world, "2");
    await world.settle();
    expect(gone).toEqual(["db-2", "db-1", "db-0"]);
    expect(versions(world)).toEqual(["2", "2", "2"]);
    expect(status(world)["currentRevision"]).toBe(status(world)["updateRevision"]);
    expect(status(world)["currentRevision"]).not.toBe(before["currentRevision"]);
  });

  it("keeps pods below its partition, and recreates them from the old revision", async () => {
    await using world = controllerWorld();
    world.create(sets, statefulSet({ updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 2 } } }));
    await world.settle();
    edit(world, "2");
    await world.settle();
    expect(versions(world)).toEqual(["1", "1", "2"]);
    world.store.delete("pods", "default", "db-0");
    await world.settle();
    expect(versions(world)).toEqual(["1", "1", "2"]);
    expect(status(world)).toMatchObject({ currentReplicas: 2, updatedReplicas: 1 });
    expect(status(world)["currentRevision"]).not.toBe(status(world)["updateRevision"]);
    expect(world.get("pods", "db-0").metadata.labels?.["controller-revision-hash"]).toBe(
      status(world)["currentRevision"],
    );
  });

  it("waits until its pods are deleted with the strategy OnDelete", async () => {
    await using world = controllerWorld();
    world.create(sets, statefulSet({ updateStrategy: { type: "OnDelete" } }));
    await world.settle();
    edit(world, "2");
    await world.settle();
    expect(versions(world)).toEqual(["1", "1", "1"]);
    world.store.delete("pods", "default", "db-1");
    await world.settle();
    expect(versions(world)).toEqual(["1", "2", "1"]);
  });

  it("stops at a pod that does not become ready", async () => {
    await using world = controllerWorld({ ready: () => false });
    world.create(sets, statefulSet({ podManagementPolicy: "Parallel" }));
    await world.settle();
    edit(world, "2");
    await world.settle();
    expect(versions(world)).toEqual(["1", "1", "2"]);
  });

  it("rolls back to its former revision object, under a higher number", async () => {
    await using world = controllerWorld();
    world.create(sets, statefulSet());
    await world.settle();
    const [first] = world.list(revisions);
    edit(world, "2");
    await world.settle();
    edit(world, "1");
    await world.settle();
    const again = world.list(revisions).find(({ metadata }) => metadata.uid === first?.metadata.uid);
    expect(revisionNumber(again)).toBe(3);
    expect(status(world)["updateRevision"]).toBe(first?.metadata.name);
    expect(world.list(revisions)).toHaveLength(2);
  });
});
