import { describe, expect, it } from "vitest";
import { formatIndexes, parseIndexes } from "../../src/controllers/index-list.ts";
import type { StoredObject } from "../../src/world.ts";
import { controllerWorld, phaseOf, template, type ControllerWorld } from "../support/controller-world.ts";

const jobs = "jobs.batch";

function job(spec: Record<string, unknown> = {}, name = "task"): Record<string, unknown> {
  return { metadata: { name }, spec: { template: template({}, { restartPolicy: "Never" }), ...spec } };
}

function running(world: ControllerWorld): StoredObject[] {
  return world.list("pods").filter((pod) => phaseOf(pod) === "Running" && pod.metadata.deletionTimestamp === undefined);
}

function conditions(world: ControllerWorld): string[] {
  const all = (world.get(jobs, "task").status?.["conditions"] ?? []) as {
    type: string;
    status: string;
    reason: string;
  }[];
  return all.map(({ type, status, reason }) => `${type}=${status} ${reason}`);
}

describe("a job", () => {
  it("creates pods with both forms of its labels, including its UID", async () => {
    await using world = controllerWorld();
    const { uid } = world.create(jobs, job()).metadata;
    await world.settle();
    const [pod] = world.list("pods");
    expect(pod?.metadata.name).toMatch(/^task-[a-z0-9]{5}$/);
    expect(pod?.metadata.labels).toEqual({
      "batch.kubernetes.io/controller-uid": uid,
      "batch.kubernetes.io/job-name": "task",
      "controller-uid": uid,
      "job-name": "task",
    });
    expect(pod?.metadata.finalizers).toEqual(["batch.kubernetes.io/job-tracking"]);
    expect(world.get(jobs, "task").status).toMatchObject({
      active: 1,
      ready: 1,
      terminating: 0,
      uncountedTerminatedPods: {},
    });
  });

  it("is complete when its pod has succeeded, and removes the pod's finalizer", async () => {
    await using world = controllerWorld();
    world.create(jobs, job());
    await world.settle();
    for (const pod of running(world)) world.finish(pod, 0);
    await world.settle();
    expect(conditions(world)).toEqual([
      "SuccessCriteriaMet=True CompletionsReached",
      "Complete=True CompletionsReached",
    ]);
    expect(world.get(jobs, "task").status).toMatchObject({ succeeded: 1, ready: 0 });
    const [pod] = world.list("pods");
    expect(pod?.status).toMatchObject({ phase: "Succeeded" });
    expect(pod?.metadata.finalizers).toBeUndefined();
  });

  it("replaces failed pods up to its limit, and then fails", async () => {
    await using world = controllerWorld();
    world.create(jobs, job({ backoffLimit: 1 }));
    await world.settle();
    for (const pod of running(world)) world.finish(pod, 1);
    await world.settle();
    expect(running(world)).toHaveLength(1);
    for (const pod of running(world)) world.finish(pod, 1);
    await world.settle();
    expect(conditions(world)).toEqual(["FailureTarget=True BackoffLimitExceeded", "Failed=True BackoffLimitExceeded"]);
    expect(world.get(jobs, "task").status).toMatchObject({ failed: 2 });
    expect(world.list("pods")).toHaveLength(2);
  });

  it("counts a deleted pod that ends with exit code 0 at once as succeeded, and does not replace it", async () => {
    await using world = controllerWorld({ ends: false });
    world.create(jobs, job());
    await world.settle();
    const [pod] = running(world);
    if (pod === undefined) throw new Error("no pod");
    world.store.delete("pods", "default", pod.metadata.name);
    await world.settle();
    world.finish(world.get("pods", pod.metadata.name), 0);
    await world.settle();
    expect(world.get(jobs, "task").status).toMatchObject({ succeeded: 1 });
    expect(conditions(world)).toContain("Complete=True CompletionsReached");
    expect(running(world)).toEqual([]);
  });

  it("counts a deleted pod as failed, and replaces it while it is terminating", async () => {
    await using world = controllerWorld({ ends: false });
    world.create(jobs, job());
    await world.settle();
    const [pod] = running(world);
    world.store.delete("pods", "default", pod?.metadata.name ?? "");
    await world.settle();
    expect(world.list("pods"), "the controller joins the changes of a second").toHaveLength(1);
    await expect.poll(() => world.list("pods").length, { timeout: 5_000 }).toBe(2);
    await world.settle();
    expect(running(world)).toHaveLength(1);
    expect(world.get(jobs, "task").status).toMatchObject({ failed: 1, active: 1, terminating: 1 });
  });

  it("waits until the old pod has ended with podReplacementPolicy Failed", async () => {
    await using world = controllerWorld({ ends: false });
    world.create(jobs, job({ podReplacementPolicy: "Failed" }));
    await world.settle();
    const [pod] = running(world);
    world.store.delete("pods", "default", pod?.metadata.name ?? "");
    await world.settle();
    expect(world.list("pods")).toHaveLength(1);
  });

  it("deletes its pods when it is suspended and creates new ones when it resumes, with the same UID", async () => {
    await using world = controllerWorld();
    const { uid } = world.create(jobs, job({ parallelism: 2, completions: 2 })).metadata;
    await world.settle();
    const before = running(world).map(({ metadata }) => metadata.uid);
    world.edit(jobs, "task", (spec) => ({ ...spec, suspend: true }));
    await world.settle();
    expect(world.list("pods")).toEqual([]);
    expect(conditions(world)).toEqual(["Suspended=True JobSuspended"]);
    expect(world.get(jobs, "task").status?.["failed"]).toBeUndefined();
    world.edit(jobs, "task", (spec) => ({ ...spec, suspend: false }));
    await world.settle();
    expect(running(world)).toHaveLength(2);
    expect(running(world).some(({ metadata }) => before.includes(metadata.uid))).toBe(false);
    expect(world.get(jobs, "task").metadata.uid).toBe(uid);
    expect(conditions(world)).toEqual(["Suspended=False JobResumed"]);
  });

  it("ignores a job with another managedBy", async () => {
    await using world = controllerWorld();
    world.create(jobs, job({ managedBy: "kueue.x-k8s.io/multikueue" }));
    await world.settle();
    expect(world.list("pods")).toEqual([]);
    expect(world.get(jobs, "task").status).toBeUndefined();
  });

  it("deletes its pods with it, despite their finalizers", async () => {
    await using world = controllerWorld();
    world.create(jobs, job());
    await world.settle();
    world.store.delete(jobs, "default", "task", { propagation: "Background" });
    await world.settle();
    expect(world.list("pods")).toEqual([]);
  });

  it("stays until its pods are deleted if it is deleted in the foreground", async () => {
    await using world = controllerWorld({ ends: false });
    world.create(jobs, job());
    await world.settle();
    world.store.delete(jobs, "default", "task", { propagation: "Foreground" });
    await world.settle();
    const [pod] = world.list("pods");
    expect(world.get(jobs, "task").metadata.deletionTimestamp).toBeDefined();
    world.store.remove("pods", "default", pod?.metadata.name ?? "", pod?.metadata.uid ?? "");
    await world.settle();
    expect(world.list(jobs)).toEqual([]);
  });

  it("is deleted after ttlSecondsAfterFinished", async () => {
    await using world = controllerWorld();
    world.create(jobs, job({ ttlSecondsAfterFinished: 0 }));
    await world.settle();
    for (const pod of running(world)) world.finish(pod, 0);
    await world.settle();
    expect(world.list(jobs)).toEqual([]);
  });
});

describe("an indexed job", () => {
  it("gives each pod its index, in name, label, annotation, host name and environment", async () => {
    await using world = controllerWorld();
    world.create(jobs, job({ completions: 3, parallelism: 2, completionMode: "Indexed" }));
    await world.settle();
    expect(running(world)).toHaveLength(2);
    const [, second] = world.list("pods");
    expect(second?.metadata.name).toMatch(/^task-1-[a-z0-9]{5}$/);
    expect(second?.metadata.labels).toMatchObject({ "batch.kubernetes.io/job-completion-index": "1" });
    expect(second?.metadata.annotations).toEqual({ "batch.kubernetes.io/job-completion-index": "1" });
    expect(second?.spec).toMatchObject({
      hostname: "task-1",
      containers: [{ env: [{ name: "JOB_COMPLETION_INDEX" }] }],
    });
  });

  it("recreates a failed index, and reports the completed ones", async () => {
    await using world = controllerWorld();
    world.create(jobs, job({ completions: 3, parallelism: 3, completionMode: "Indexed" }));
    await world.settle();
    for (const [index, pod] of running(world).entries()) world.finish(pod, index === 1 ? 1 : 0);
    await world.settle();
    expect(world.get(jobs, "task").status).toMatchObject({
      completedIndexes: "0,2",
      succeeded: 2,
      failed: 1,
      active: 1,
    });
    expect(running(world)[0]?.metadata.annotations).toEqual({ "batch.kubernetes.io/job-completion-index": "1" });
    for (const pod of running(world)) world.finish(pod, 0);
    await world.settle();
    expect(world.get(jobs, "task").status).toMatchObject({ completedIndexes: "0-2", succeeded: 3 });
  });

  it("fails a single index with backoffLimitPerIndex", async () => {
    await using world = controllerWorld();
    world.create(jobs, job({ completions: 2, parallelism: 2, completionMode: "Indexed", backoffLimitPerIndex: 0 }));
    await world.settle();
    for (const [index, pod] of running(world).entries()) world.finish(pod, index);
    await world.settle();
    expect(world.get(jobs, "task").status).toMatchObject({ completedIndexes: "0", failedIndexes: "1" });
    expect(conditions(world)).toContain("Failed=True FailedIndexes");
  });
});

describe("lists of indexes", () => {
  it("are as short as in Kubernetes", () => {
    expect(formatIndexes([7, 1, 3, 4, 5])).toBe("1,3-5,7");
    expect(formatIndexes([0, 1])).toBe("0,1");
    expect([...parseIndexes("1,3-5,7")]).toEqual([1, 3, 4, 5, 7]);
    expect(formatIndexes(parseIndexes(undefined))).toBe("");
  });
});
