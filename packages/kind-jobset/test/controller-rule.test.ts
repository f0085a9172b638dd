import { jobset } from "@kinsync/kind-jobset";
import type { KubeObject, MemberState } from "@kinsync/core/contract";
import { judgeObjects } from "@kinsync/core/testing";
import fc from "fast-check";
import { expect, test } from "vitest";

const PREFIX = "jobset.sigs.k8s.io/";

interface World {
  readonly root: KubeObject;
  readonly objects: readonly KubeObject[];
}

/** How the controller sorts a child Job (`getChildJobs`, jobset v0.12 `pkg/controllers/jobset_controller.go`, gate RestartJob on). */
type Bucket = "previous" | "active" | "successful" | "failed" | "error";

function bucketOf(job: KubeObject, root: KubeObject): Bucket {
  const labels = job.metadata.labels ?? {};
  const status = root.status as {
    restarts?: number;
    replicatedJobsStatus?: { name: string; jobRestarts?: number[] }[];
  };
  const attempt = labels[`${PREFIX}restart-attempt`] ?? "";
  if (!/^\d+$/.test(attempt)) return "error";
  if (Number(attempt) < (status.restarts ?? 0)) return "previous";
  const own = labels[`${PREFIX}job-restart-attempt`];
  if (own !== undefined) {
    const name = labels[`${PREFIX}replicatedjob-name`];
    const jobRestarts = status.replicatedJobsStatus?.find((one) => one.name === name)?.jobRestarts ?? [];
    // The controller makes a list of zeros where the status has none.
    const wanted = jobRestarts.length === 0 ? 0 : jobRestarts[Number(labels[`${PREFIX}job-index`])];
    if (wanted === undefined) return "error";
    if (Number(own) < wanted) return "previous";
  }
  const conditions = (job.status?.["conditions"] ?? []) as { type: string; status: string }[];
  const finished = conditions.find(
    ({ type, status }) => status === "True" && (type === "Complete" || type === "Failed"),
  );
  if (finished === undefined) return "active";
  return finished.type === "Complete" ? "successful" : "failed";
}

function expectedState(pod: KubeObject, job: KubeObject, root: KubeObject): MemberState {
  if (pod.metadata.deletionTimestamp !== undefined) return "terminating";
  if (pod.status?.["phase"] === "Succeeded" || pod.status?.["phase"] === "Failed") return "finished";
  const bucket = bucketOf(job, root);
  if (bucket === "error") return "unsettled";
  if (bucket === "previous") return "superseded";
  const isGoing = bucket === "active" && job.metadata.deletionTimestamp === undefined && job.spec?.["suspend"] !== true;
  return isGoing ? "current" : "terminating";
}

const counter = fc.nat(3);
const deletion = fc.option(fc.constant("2026-01-01T00:00:00Z"), { nil: undefined, freq: 4 });
const ROOT_UIDS = ["root-new", "root-old"] as const;

const podSeed = fc.record({
  phase: fc.constantFrom("Pending", "Running", "Succeeded", "Failed"),
  deletionTimestamp: deletion,
  controller: fc.constantFrom(true, true, true, false),
});
const jobSeed = fc.record({
  rootUid: fc.constantFrom(ROOT_UIDS[0], ROOT_UIDS[0], ROOT_UIDS[1]),
  role: fc.constantFrom("head", "worker"),
  index: fc.nat(2),
  attempt: fc.oneof({ weight: 9, arbitrary: counter.map(String) }, { weight: 1, arbitrary: fc.constant("x") }),
  ownAttempt: fc.option(counter.map(String), { nil: undefined }),
  condition: fc.constantFrom(undefined, undefined, undefined, "Complete", "Failed", "Suspended"),
  suspend: fc.constantFrom(false, false, false, true),
  deletionTimestamp: deletion,
  age: fc.nat(59),
  pods: fc.array(podSeed, { maxLength: 3 }),
});
const world: fc.Arbitrary<World> = fc
  .record({
    restarts: fc.option(counter, { nil: undefined }),
    headRestarts: fc.constantFrom(0, 3).chain((length) => fc.array(counter, { minLength: length, maxLength: length })),
    workerRestarts: fc
      .constantFrom(0, 3)
      .chain((length) => fc.array(counter, { minLength: length, maxLength: length })),
    jobs: fc.array(jobSeed, { maxLength: 10 }),
  })
  .map(({ restarts, headRestarts, workerRestarts, jobs }) => {
    const root: KubeObject = {
      apiVersion: "jobset.x-k8s.io/v1alpha2",
      kind: "JobSet",
      metadata: { name: "train", namespace: "lab", uid: ROOT_UIDS[0] },
      spec: {
        replicatedJobs: [
          { name: "head", replicas: 3 },
          { name: "worker", replicas: 3 },
        ],
      },
      status: {
        ...(restarts === undefined ? {} : { restarts }),
        replicatedJobsStatus: [
          { name: "head", jobRestarts: headRestarts },
          { name: "worker", jobRestarts: workerRestarts },
        ],
      },
    };
    return { root, objects: jobs.flatMap((seed, at) => objectsOfJob(seed, at)) };
  });

type Seed<T> = T extends fc.Arbitrary<infer V> ? V : never;

function objectsOfJob(seed: Seed<typeof jobSeed>, at: number): KubeObject[] {
  const labels = {
    [`${PREFIX}jobset-name`]: "train",
    [`${PREFIX}replicatedjob-name`]: seed.role,
    [`${PREFIX}job-index`]: String(seed.index),
    [`${PREFIX}restart-attempt`]: seed.attempt,
    ...(seed.ownAttempt === undefined ? {} : { [`${PREFIX}job-restart-attempt`]: seed.ownAttempt }),
  };
  const job: KubeObject = {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name: `train-${seed.role}-${seed.index}`,
      namespace: "lab",
      uid: `job-${at}`,
      creationTimestamp: `2026-01-01T00:00:${String(seed.age).padStart(2, "0")}Z`,
      labels,
      ...(seed.deletionTimestamp === undefined ? {} : { deletionTimestamp: seed.deletionTimestamp }),
      ownerReferences: [
        { apiVersion: "jobset.x-k8s.io/v1alpha2", kind: "JobSet", name: "train", uid: seed.rootUid, controller: true },
      ],
    },
    spec: { suspend: seed.suspend },
    status: { conditions: seed.condition === undefined ? [] : [{ type: seed.condition, status: "True" }] },
  };
  const pods = seed.pods.map((pod, number): KubeObject => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: `${job.metadata.name}-${number}`,
      namespace: "lab",
      uid: `${job.metadata.uid}-pod-${number}`,
      labels: { ...labels, "batch.kubernetes.io/job-completion-index": String(number) },
      ...(pod.deletionTimestamp === undefined ? {} : { deletionTimestamp: pod.deletionTimestamp }),
      ownerReferences: [
        {
          apiVersion: "batch/v1",
          kind: "Job",
          name: job.metadata.name,
          uid: job.metadata.uid,
          controller: pod.controller,
        },
      ],
    },
    spec: { containers: [] },
    status: { phase: pod.phase },
  }));
  return [job, ...pods];
}

function statesOf({ root, objects }: World): Record<string, MemberState> {
  return Object.fromEntries(
    judgeObjects(jobset(), root, objects, { order: "given" }).members.map(({ pod, verdict }) => [
      pod.metadata.uid,
      verdict.state,
    ]),
  );
}

test("in any world the verdicts are those of the controller's own rule", () => {
  fc.assert(
    fc.property(world, (one) => {
      const expected: Record<string, MemberState> = {};
      for (const pod of one.objects.filter(({ kind }) => kind === "Pod")) {
        const [reference] = pod.metadata.ownerReferences ?? [];
        const job = one.objects.find(({ metadata }) => metadata.uid === reference?.uid);
        if (reference?.controller !== true || job?.metadata.ownerReferences?.[0]?.uid !== ROOT_UIDS[0]) continue;
        expected[pod.metadata.uid] = expectedState(pod, job, one.root);
      }
      expect(statesOf(one)).toEqual(expected);
    }),
    { numRuns: 500 },
  );
});

test("in any world the order of the objects changes nothing", () => {
  const shuffledWorld = world.chain((one) =>
    fc.tuple(fc.constant(one), fc.shuffledSubarray([...one.objects], { minLength: one.objects.length })),
  );
  fc.assert(
    fc.property(shuffledWorld, ([one, objects]) => {
      expect(statesOf({ root: one.root, objects })).toEqual(statesOf(one));
    }),
    { numRuns: 200 },
  );
});

test("without the Jobs, the labels of live pods tell the same attempts", () => {
  fc.assert(
    fc.property(world, (one) => {
      const labelled = one.objects.map((object) => ({
        ...object,
        metadata: { ...object.metadata, labels: { ...object.metadata.labels, [`${PREFIX}jobset-uid`]: ROOT_UIDS[0] } },
      }));
      const byLabels = judgeObjects(jobset(), one.root, labelled, { missing: ["jobs.batch"] });
      const byOwner = judgeObjects(jobset(), one.root, labelled);
      for (const { pod, verdict } of byOwner.members) {
        const other = byLabels.members.find((member) => member.pod.metadata.uid === pod.metadata.uid);
        expect(other?.by).toBe("labels");
        expect([other?.verdict.role, other?.verdict.index]).toEqual([verdict.role, verdict.index]);
        const isOfTheJob = verdict.state === "terminating" && pod.metadata.deletionTimestamp === undefined;
        expect(other?.verdict.state).toBe(isOfTheJob ? "current" : verdict.state);
      }
    }),
    { numRuns: 200 },
  );
});
