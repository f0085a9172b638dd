import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { rolloutBounds, nextReplicasOfOldSets, proportionalReplicas } from "../../src/controllers/rollout-math.ts";
import type { StoredObject } from "../../src/world.ts";
import { controllerWorld, names, template, type ControllerWorld } from "../support/controller-world.ts";

const deployments = "deployments.apps";
const sets = "replicasets.apps";
const revision = "deployment.kubernetes.io/revision";
const history = "deployment.kubernetes.io/revision-history";

function deployment(spec: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    metadata: { name: "web" },
    spec: { replicas: 2, selector: { matchLabels: { app: "web" } }, template: version("1"), ...spec },
  };
}

function version(number: string): Record<string, unknown> {
  return template({ app: "web", version: number });
}

function setOf(world: ControllerWorld, number: string): StoredObject {
  const found = world.list(sets).find(({ metadata }) => metadata.labels?.["version"] === number);
  if (found === undefined) throw new Error(`no ReplicaSet of version ${number}`);
  return found;
}

function versions(world: ControllerWorld): string[] {
  return world
    .list("pods")
    .map(({ metadata }) => metadata.labels?.["version"] ?? "")
    .sort();
}

describe("a new deployment", () => {
  it("creates a ReplicaSet with the name, labels and annotations of a real cluster, and its pods", async () => {
    await using world = controllerWorld();
    world.create(deployments, deployment());
    await world.settle();
    const [set] = world.list(sets);
    const hash = set?.metadata.labels?.["pod-template-hash"];
    expect(set?.metadata.name).toBe(`web-${hash}`);
    expect(set?.metadata.annotations).toEqual({
      [revision]: "1",
      "deployment.kubernetes.io/desired-replicas": "2",
      "deployment.kubernetes.io/max-replicas": "3",
    });
    expect(set?.spec?.["selector"]).toEqual({ matchLabels: { app: "web", "pod-template-hash": hash } });
    expect(world.get(deployments, "web").metadata.annotations).toEqual({ [revision]: "1" });
    expect(world.get(deployments, "web").status).toMatchObject({
      observedGeneration: 1,
      replicas: 2,
      updatedReplicas: 2,
      readyReplicas: 2,
      availableReplicas: 2,
      conditions: [
        { type: "Available", status: "True", reason: "MinimumReplicasAvailable" },
        { type: "Progressing", status: "True", reason: "NewReplicaSetAvailable" },
      ],
    });
    for (const pod of world.list("pods")) {
      expect(pod.metadata.name).toMatch(new RegExp(`^web-${hash}-[a-z0-9]{5}$`));
      expect(pod.metadata.ownerReferences).toMatchObject([
        { kind: "ReplicaSet", uid: set?.metadata.uid, controller: true },
      ]);
    }
  });
});

describe("a deployment whose template changes", () => {
  it("rolls out the new template and keeps the old ReplicaSet without pods", async () => {
    await using world = controllerWorld();
    world.create(deployments, deployment());
    await world.settle();
    world.edit(deployments, "web", (spec) => ({ ...spec, template: version("2") }));
    await world.settle();
    expect(versions(world)).toEqual(["2", "2"]);
    expect(setOf(world, "1").spec?.["replicas"]).toBe(0);
    expect(setOf(world, "2").metadata.annotations?.[revision]).toBe("2");
    expect(world.get(deployments, "web").metadata.annotations?.[revision]).toBe("2");
  });

  it("stays within maxUnavailable and maxSurge", async () => {
    await using world = controllerWorld();
    world.create(deployments, deployment({ replicas: 8 }));
    await world.settle();
    const counts: number[] = [];
    using _watch = world.store.subscribe(({ resource }) => {
      if (resource === "pods")
        counts.push(world.list("pods").filter(({ metadata }) => metadata.deletionTimestamp === undefined).length);
    });
    world.edit(deployments, "web", (spec) => ({ ...spec, template: version("2") }));
    await world.settle();
    expect(versions(world)).toEqual(Array(8).fill("2"));
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(6);
    expect(Math.max(...counts)).toBeLessThanOrEqual(10);
  });

  it("keeps both ReplicaSets if the new pods never become ready, and reports the exceeded deadline", async () => {
    await using world = controllerWorld({ ready: ({ metadata }) => metadata.labels?.["version"] === "1" });
    world.create(deployments, deployment({ progressDeadlineSeconds: 1 }));
    await world.settle();
    const late = new Promise<void>((resolve) => {
      const subscription = world.store.subscribe(({ resource, object }) => {
        const conditions = (object.status?.["conditions"] ?? []) as { reason: string }[];
        if (resource !== deployments || !conditions.some(({ reason }) => reason === "ProgressDeadlineExceeded")) return;
        subscription[Symbol.dispose]();
        resolve();
      });
    });
    world.edit(deployments, "web", (spec) => ({ ...spec, template: version("2") }));
    await world.settle();
    await late;
    expect(versions(world)).toEqual(["1", "1", "2"]);
  });

  it("rolls back to its former ReplicaSet, under a new revision, with the old one in its history", async () => {
    await using world = controllerWorld();
    world.create(deployments, deployment());
    await world.settle();
    const first = setOf(world, "1");
    world.edit(deployments, "web", (spec) => ({ ...spec, template: version("2") }));
    await world.settle();
    world.edit(deployments, "web", (spec) => ({ ...spec, template: version("1") }));
    await world.settle();
    const again = setOf(world, "1");
    expect(again.metadata.uid).toBe(first.metadata.uid);
    expect(again.metadata.annotations).toMatchObject({ [revision]: "3", [history]: "1" });
    expect(setOf(world, "2").metadata.annotations?.[revision]).toBe("2");
    expect(world.get(deployments, "web").metadata.annotations?.[revision]).toBe("3");
    expect(versions(world)).toEqual(["1", "1"]);
    world.edit(deployments, "web", (spec) => ({ ...spec, template: version("2") }));
    world.edit(deployments, "web", (spec) => ({ ...spec, template: version("1") }));
    await world.settle();
    expect(setOf(world, "1").metadata.annotations).toMatchObject({ [revision]: "3", [history]: "1" });
  });

  it("has no pods in between with the strategy Recreate", async () => {
    await using world = controllerWorld({ ends: false });
    world.create(deployments, deployment({ strategy: { type: "Recreate" } }));
    await world.settle();
    world.edit(deployments, "web", (spec) => ({ ...spec, template: version("2") }));
    await world.settle();
    const dying = world.list("pods");
    expect(dying.every(({ metadata }) => metadata.deletionTimestamp !== undefined)).toBe(true);
    expect(world.list(sets)).toHaveLength(1);
    for (const { metadata } of dying) world.store.remove("pods", "default", metadata.name, metadata.uid);
    await world.settle();
    expect(versions(world)).toEqual(["2", "2"]);
  });

  it("creates no ReplicaSet while it is paused, but scales the existing one", async () => {
    await using world = controllerWorld();
    world.create(deployments, deployment());
    await world.settle();
    world.edit(deployments, "web", (spec) => ({ ...spec, paused: true, replicas: 3, template: version("2") }));
    await world.settle();
    expect(world.list(sets)).toHaveLength(1);
    expect(versions(world)).toEqual(["1", "1", "1"]);
    expect(world.get(deployments, "web").status).toMatchObject({ observedGeneration: 2, replicas: 3 });
    world.edit(deployments, "web", (spec) => ({ ...spec, paused: false }));
    await world.settle();
    expect(versions(world)).toEqual(["2", "2", "2"]);
  });

  it("deletes old ReplicaSets beyond its history limit", async () => {
    await using world = controllerWorld();
    world.create(deployments, deployment({ revisionHistoryLimit: 1 }));
    await world.settle();
    for (const number of ["2", "3", "4"]) {
      world.edit(deployments, "web", (spec) => ({ ...spec, template: version(number) }));
      await world.settle();
    }
    expect(new Set(world.list(sets).map(({ metadata }) => metadata.labels?.["version"]))).toEqual(new Set(["3", "4"]));
  });
});

describe("pods of a replica set", () => {
  it("are replaced under another name", async () => {
    await using world = controllerWorld();
    world.create(deployments, deployment());
    await world.settle();
    const [pod] = world.list("pods");
    world.store.delete("pods", "default", pod?.metadata.name ?? "");
    await world.settle();
    expect(world.list("pods")).toHaveLength(2);
    expect(names(world.list("pods"))).not.toContain(pod?.metadata.name);
  });

  it("are released when their labels no longer match, and adopted when they match again", async () => {
    await using world = controllerWorld();
    world.create(deployments, deployment());
    await world.settle();
    const [pod] = world.list("pods");
    if (pod === undefined) throw new Error("no pod");
    world.store.update("pods", { ...pod, metadata: { ...pod.metadata, labels: { app: "other" } } });
    await world.settle();
    const orphan = world.get("pods", pod.metadata.name);
    expect(orphan.metadata.ownerReferences).toEqual([]);
    expect(world.list("pods")).toHaveLength(3);
    world.store.update("pods", { ...orphan, metadata: { ...orphan.metadata, labels: pod.metadata.labels ?? {} } });
    await world.settle();
    // Three would be too many: one of them was deleted.
    expect(world.list("pods")).toHaveLength(2);
    expect(world.list("pods").every(({ metadata }) => metadata.ownerReferences?.length === 1)).toBe(true);
  });

  it("are deleted with their deployment", async () => {
    await using world = controllerWorld();
    world.create(deployments, deployment());
    await world.settle();
    world.store.delete(deployments, "default", "web", { propagation: "Background" });
    await world.settle();
    expect(world.list(sets)).toEqual([]);
    expect(world.list("pods")).toEqual([]);
  });
});

describe("the arithmetic of rollouts", () => {
  it("reads numbers and percentages, and never allows both to be 0", () => {
    expect(rolloutBounds(4, "25%", "25%")).toEqual({ surge: 1, unavailable: 1 });
    expect(rolloutBounds(2, "25%", "25%")).toEqual({ surge: 1, unavailable: 0 });
    expect(rolloutBounds(10, 3, "0%")).toEqual({ surge: 3, unavailable: 0 });
    expect(rolloutBounds(10, 0, 0)).toEqual({ surge: 0, unavailable: 1 });
  });

  it("distributes a size among ReplicaSets without a rest", () => {
    fc.assert(
      fc.property(fc.nat(60), fc.array(fc.nat(20), { minLength: 1, maxLength: 5 }), (allowed, sizes) => {
        const next = proportionalReplicas(allowed, sizes);
        expect(next.reduce((sum, size) => sum + size, 0)).toBe(allowed);
        expect(next.every((size) => size >= 0)).toBe(true);
      }),
    );
  });

  it("scales down old ReplicaSets only by spare pods", () => {
    const size = fc.nat(12).chain((replicas) => fc.nat(replicas).map((available) => ({ replicas, available })));
    fc.assert(
      fc.property(
        fc.nat(12),
        fc.nat(4),
        size,
        fc.array(size, { maxLength: 4 }),
        (desired, unavailable, present, old) => {
          const bounds = { surge: 1, unavailable };
          const next = nextReplicasOfOldSets(desired, bounds, present, old);
          const kept = next.map((replicas, index) => Math.min(replicas, old[index]?.available ?? 0));
          const before = present.available + old.reduce((sum, { available }) => sum + available, 0);
          const after = present.available + kept.reduce((sum, available) => sum + available, 0);
          expect(after).toBeGreaterThanOrEqual(Math.min(before, desired - unavailable));
        },
      ),
    );
  });
});

describe("a pod without a controller", () => {
  it("is adopted by a ReplicaSet that matches, which then deletes the pod of the lowest deletion cost", async () => {
    await using world = controllerWorld();
    world.create(deployments, deployment());
    await world.settle();
    const first = names(world.list("pods"));
    world.create("pods", {
      metadata: {
        name: "bare",
        labels: setOf(world, "1").metadata.labels,
        annotations: { "controller.kubernetes.io/pod-deletion-cost": "100" },
      },
      spec: { nodeName: "node", containers: [{ name: "main", image: "playground/busybox" }] },
      status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }] },
    });
    await world.settle();
    const pods = names(world.list("pods"));
    expect(pods).toHaveLength(2);
    expect(pods).toContain("bare");
    expect(pods.filter((name) => first.includes(name))).toHaveLength(1);
    expect(world.get("pods", "bare").metadata.ownerReferences).toMatchObject([
      { kind: "ReplicaSet", uid: setOf(world, "1").metadata.uid, controller: true },
    ]);
  });
});
