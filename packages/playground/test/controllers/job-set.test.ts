import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { StoredObject } from "../../src/world.ts";
import {
  controllerWorld,
  names,
  phaseOf,
  template,
  type ControllerWorld,
  type WorldOptions,
} from "../support/controller-world.ts";

const sets = "jobsets.jobset.x-k8s.io";
const jobs = "jobs.batch";
const prefix = "jobset.sigs.k8s.io/";

function role(
  name: string,
  replicas: number,
  pods: number,
  more: Record<string, unknown> = {},
): Record<string, unknown> {
  const spec = {
    backoffLimit: 0,
    completions: pods,
    parallelism: pods,
    template: template({ own: "label" }, { restartPolicy: "Never" }),
  };
  return { name, replicas, template: { spec }, ...more };
}

function jobSet(spec: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    metadata: { name: "train" },
    spec: {
      failurePolicy: { maxRestarts: 2 },
      replicatedJobs: [role("head", 1, 1), role("worker", 2, 2)],
      ...spec,
    },
  };
}

async function started(spec: Record<string, unknown> = {}, options: WorldOptions = {}): Promise<ControllerWorld> {
  const world = controllerWorld(options);
  world.create(sets, jobSet(spec));
  await world.settle();
  return world;
}

function alive(world: ControllerWorld, role?: string): StoredObject[] {
  return world
    .list("pods")
    .filter((pod) => phaseOf(pod) === "Running" && pod.metadata.deletionTimestamp === undefined)
    .filter(({ metadata }) => role === undefined || metadata.labels?.[`${prefix}replicatedjob-name`] === role);
}

function status(world: ControllerWorld): Record<string, unknown> {
  return world.get(sets, "train").status ?? {};
}

function conditions(world: ControllerWorld): string[] {
  return ((status(world)["conditions"] ?? []) as { type: string; status: string; reason: string }[]).map(
    ({ type, status, reason }) => `${type}=${status} ${reason}`,
  );
}

function attempts(world: ControllerWorld): Record<string, string> {
  return Object.fromEntries(
    world
      .list(jobs)
      .map(({ metadata }) => [
        metadata.name,
        `${metadata.labels?.[`${prefix}restart-attempt`]}${metadata.deletionTimestamp === undefined ? "" : " deleting"}`,
      ]),
  );
}

function fail(world: ControllerWorld, role: string): void {
  const [pod] = alive(world, role);
  if (pod === undefined) throw new Error(`no pod of ${role}`);
  world.finish(pod, 1);
}

describe("a new job set", () => {
  it("creates all Jobs at once, and a service for their names", async () => {
    await using world = await started();
    expect(names(world.list(jobs))).toEqual(["train-head-0", "train-worker-0", "train-worker-1"]);
    expect(alive(world)).toHaveLength(5);
    expect(world.get("services", "train").spec).toMatchObject({
      clusterIP: "None",
      selector: { [`${prefix}jobset-name`]: "train" },
      publishNotReadyAddresses: true,
    });
    expect(status(world)).toMatchObject({
      restarts: 0,
      replicatedJobsStatus: [
        { name: "head", active: 1, ready: 1, succeeded: 0, failed: 0, suspended: 0 },
        { name: "worker", active: 2, ready: 2, succeeded: 0, failed: 0, suspended: 0 },
      ],
    });
  });

  it("sets the same labels and annotations on Jobs and pods as the real controller", async () => {
    await using world = await started();
    const { uid } = world.get(sets, "train").metadata;
    const job = world.get(jobs, "train-worker-1");
    const stamped = {
      [`${prefix}global-replicas`]: "3",
      [`${prefix}group-name`]: "default",
      [`${prefix}group-replicas`]: "3",
      [`${prefix}job-global-index`]: "2",
      [`${prefix}job-group-index`]: "2",
      [`${prefix}job-index`]: "1",
      [`${prefix}job-key`]: createHash("sha1").update("default/train-worker-1").digest("hex"),
      [`${prefix}jobset-name`]: "train",
      [`${prefix}jobset-uid`]: uid,
      [`${prefix}replicatedjob-name`]: "worker",
      [`${prefix}replicatedjob-replicas`]: "2",
      [`${prefix}restart-attempt`]: "0",
    };
    expect(job.metadata.labels).toEqual(stamped);
    expect(job.metadata.annotations).toEqual(stamped);
    const pod = world.list("pods").find(({ metadata }) => metadata.name.startsWith("train-worker-1-0-"));
    expect(pod?.metadata.labels).toMatchObject({ ...stamped, own: "label", "job-name": "train-worker-1" });
    expect(pod?.metadata.annotations).toEqual({ ...stamped, "batch.kubernetes.io/job-completion-index": "0" });
    expect(pod?.spec).toMatchObject({ hostname: "train-worker-1-0", subdomain: "train" });
  });

  it("ignores a JobSet with another managedBy", async () => {
    await using world = await started({ managedBy: "kueue.x-k8s.io/multikueue" });
    expect(world.list(jobs)).toEqual([]);
    expect(world.get(sets, "train").status).toBeUndefined();
  });
});

describe("a job set with a failed Job", () => {
  it("recreates all Jobs, each as soon as its predecessor is deleted", async () => {
    await using world = await started({}, { ends: false });
    const before = world.list(jobs).map(({ metadata }) => metadata.uid);
    fail(world, "head");
    await world.settle();
    // The head's pod has ended: its Job is deleted at once. The workers' pods are still terminating.
    expect(attempts(world)).toEqual({
      "train-head-0": "1",
      "train-worker-0": "0 deleting",
      "train-worker-1": "0 deleting",
    });
    expect(status(world)).toMatchObject({ restarts: 1, restartsCountTowardsMax: 1 });
    expect(conditions(world)).toEqual(["RestartingJobSet=True DefaultFailurePolicy"]);
    for (const { metadata } of world.list("pods")) {
      if (metadata.deletionTimestamp !== undefined) world.store.remove("pods", "default", metadata.name, metadata.uid);
    }
    await world.settle();
    expect(attempts(world)).toEqual({ "train-head-0": "1", "train-worker-0": "1", "train-worker-1": "1" });
    expect(world.list(jobs).some(({ metadata }) => before.includes(metadata.uid))).toBe(false);
    expect(conditions(world)).toEqual(["RestartingJobSet=False JobsReady"]);
    expect(alive(world)).toHaveLength(5);
  });

  it("has no Jobs between the attempts with BlockingRecreate", async () => {
    await using world = await started(
      { failurePolicy: { maxRestarts: 2, restartStrategy: "BlockingRecreate" } },
      { ends: false },
    );
    fail(world, "head");
    await world.settle();
    expect(attempts(world)).toEqual({ "train-worker-0": "0 deleting", "train-worker-1": "0 deleting" });
    for (const { metadata } of world.list("pods")) world.store.remove("pods", "default", metadata.name, metadata.uid);
    await world.settle();
    expect(attempts(world)).toEqual({ "train-head-0": "1", "train-worker-0": "1", "train-worker-1": "1" });
  });

  it("fails after its last restart, and deletes the active Jobs", async () => {
    await using world = await started({ failurePolicy: { maxRestarts: 1 } });
    fail(world, "worker");
    await world.settle();
    expect(alive(world)).toHaveLength(5);
    fail(world, "worker");
    await world.settle();
    expect(conditions(world)).toEqual(["RestartingJobSet=False JobsReady", "Failed=True ReachedMaxRestarts"]);
    expect(status(world)["terminalState"]).toBe("Failed");
    expect(alive(world)).toEqual([]);
    expect(names(world.list(jobs))).toEqual(["train-worker-0"]);
  });

  it("fails at once without a policy", async () => {
    await using world = await started({ failurePolicy: undefined });
    fail(world, "head");
    await world.settle();
    expect(conditions(world)).toEqual(["Failed=True FailedJobs"]);
  });

  it("applies the first rule that matches", async () => {
    const rules = [
      { name: "fatal", action: "FailJobSet", targetReplicatedJobs: ["head"] },
      { name: "free", action: "RestartJobSetAndIgnoreMaxRestarts", targetReplicatedJobs: ["worker"] },
    ];
    await using world = await started({ failurePolicy: { maxRestarts: 0, rules } });
    fail(world, "worker");
    await world.settle();
    expect(status(world)).toMatchObject({ restarts: 1 });
    expect(status(world)["restartsCountTowardsMax"]).toBeUndefined();
    fail(world, "head");
    await world.settle();
    expect(conditions(world)).toContain("Failed=True FailJobSetFailurePolicyAction");
  });
});

describe("the order of a job set's start", () => {
  it("creates later roles when the earlier ones are ready, with the policy InOrder", async () => {
    await using world = await started({ startupPolicy: { startupPolicyOrder: "InOrder" } }, { ready: () => false });
    expect(names(world.list(jobs))).toEqual(["train-head-0"]);
    expect(conditions(world)).toEqual(["StartupPolicyInProgress=True InOrderStartupPolicyInProgress"]);
    const [head] = world.list("pods");
    if (head !== undefined)
      world.store.updateStatus("pods", {
        ...head,
        status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }] },
      });
    await world.settle();
    expect(names(world.list(jobs))).toEqual(["train-head-0", "train-worker-0", "train-worker-1"]);
  });

  it("creates a role when the one that it depends on is complete", async () => {
    const dependsOn = [{ name: "head", status: "Complete" }];
    await using world = await started({ replicatedJobs: [role("head", 1, 1), role("worker", 2, 2, { dependsOn })] });
    expect(names(world.list(jobs))).toEqual(["train-head-0"]);
    for (const pod of alive(world)) world.finish(pod, 0);
    await world.settle();
    expect(alive(world, "worker")).toHaveLength(4);
  });
});

describe("the end of a job set", () => {
  it("is Completed when all Jobs are complete", async () => {
    await using world = await started();
    for (const pod of alive(world)) world.finish(pod, 0);
    await world.settle();
    expect(conditions(world)).toEqual(["Completed=True AllJobsCompleted"]);
    expect(status(world)["terminalState"]).toBe("Completed");
    expect(world.list(jobs)).toHaveLength(3);
    expect(world.list("pods")).toHaveLength(5);
  });

  it("is Completed with the role of its success policy, and the other Jobs are deleted", async () => {
    await using world = await started({ successPolicy: { operator: "All", targetReplicatedJobs: ["head"] } });
    for (const pod of alive(world, "head")) world.finish(pod, 0);
    await world.settle();
    expect(conditions(world)).toEqual(["Completed=True AllJobsCompleted"]);
    expect(names(world.list(jobs))).toEqual(["train-head-0"]);
  });

  it("deletes its Jobs, and a new JobSet of the name is independent", async () => {
    await using world = await started();
    const { uid } = world.get(sets, "train").metadata;
    world.store.delete(sets, "default", "train", { propagation: "Background" });
    await world.settle();
    expect(world.list(jobs)).toEqual([]);
    expect(world.list("pods")).toEqual([]);
    world.create(sets, jobSet());
    await world.settle();
    expect(alive(world)).toHaveLength(5);
    expect(world.get(sets, "train").metadata.uid).not.toBe(uid);
  });
});

describe("a suspended job set", () => {
  it("has Jobs without pods, and resumes the same Jobs with what a queue wrote into the templates", async () => {
    await using world = await started({ suspend: true });
    expect(world.list(jobs)).toHaveLength(3);
    expect(world.list("pods")).toEqual([]);
    expect(conditions(world)).toEqual(["Suspended=True SuspendedJobs"]);
    const before = world.list(jobs).map(({ metadata }) => metadata.uid);
    const queued = role("worker", 2, 2);
    queued["template"] = {
      spec: {
        ...(queued["template"] as { spec: object }).spec,
        template: template({ own: "label" }, { restartPolicy: "Never", nodeSelector: { pool: "a" } }),
      },
    };
    world.edit(sets, "train", (spec) => ({ ...spec, suspend: false, replicatedJobs: [role("head", 1, 1), queued] }));
    await world.settle();
    expect(alive(world)).toHaveLength(5);
    expect(
      alive(world, "worker").every(
        ({ spec }) => (spec?.["nodeSelector"] as { pool?: string } | undefined)?.pool === "a",
      ),
    ).toBe(true);
    expect(world.list(jobs).map(({ metadata }) => metadata.uid)).toEqual(before);
    expect(conditions(world)).toEqual(["Suspended=False ResumeJobs"]);
    world.edit(sets, "train", (spec) => ({ ...spec, suspend: true }));
    await world.settle();
    expect(alive(world)).toEqual([]);
    expect(status(world)["restarts"]).toBe(0);
  });
});
