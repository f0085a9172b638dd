import type { KubeObject } from "@kinsync/core/contract";
import { obsolete } from "../cluster/facts.ts";
import { deleteObject } from "../cluster/garbage-collector.ts";
import { controllerReference, isAlive, isDeleting, phaseOf, type Typed } from "../cluster/objects.ts";
import { Refused, type Store } from "../cluster/store.ts";
import { PODS, type Type } from "../cluster/types.ts";
import { claim } from "./claim.ts";

const PREFIX = "training.kubeflow.org/";

export interface RunPolicy {
  readonly suspend?: boolean;
  readonly cleanPodPolicy?: "None" | "Running" | "All";
}

interface Conditions {
  readonly conditions: readonly { readonly type: string; readonly status: string }[];
}

/** A job of the training operator. The replicas are in a field that each kind names in its own way. */
export type ReplicaJob = Typed<{ readonly runPolicy: RunPolicy }, Conditions>;

export type RestartPolicy = "ExitCode" | "OnFailure" | "Never";

interface Replicas {
  readonly replicas?: number;
  readonly restartPolicy?: RestartPolicy;
}

/** The replicas of one type, as one pass of the operator counts them. */
interface Counted {
  readonly type: string;
  readonly replicas: number;
  readonly restartPolicy: RestartPolicy;
  readonly active: number;
  readonly succeeded: number;
  readonly failed: number;
  /** Some replica of the job failed in this pass, and is deleted to be created again. */
  readonly isRestarting: boolean;
}

/** What the kinds of the training operator differ in. */
export interface Family extends Type {
  /** Field of the spec that has the replicas by type. */
  readonly field: string;
  /** The type whose replicas end the job when all of them have succeeded. */
  readonly first: string;
  /** Whether replicas of one type fail the job (`UpdateJobStatus` of its controller). */
  readonly fails: (counted: Counted) => boolean;
  /** An MPIJob counts running pods also while they are deleted, and does not replace failed ones (`pkg/controller.v1/mpi`). */
  readonly isMpi?: boolean;
}

/** PyTorchJob, PaddleJob, JAXJob: replicas are missing, and a failed one is not created again. */
export function failsWhereReplicasAreMissing({ replicas, restartPolicy, active, succeeded, failed }: Counted): boolean {
  return failed > 0 && replicas > succeeded + active && restartPolicy === "Never";
}

/** XGBoostJob. */
export function failsUnlessByExitCode({ restartPolicy, failed }: Counted): boolean {
  return failed > 0 && restartPolicy !== "ExitCode";
}

/** TFJob: also a pod that somebody deletes while it runs fails the job, whatever the policy is. */
export function failsUnlessItRestarts({ failed, isRestarting }: Counted): boolean {
  return failed > 0 && !isRestarting;
}

/** MPIJob. */
export function failsWithItsLauncher(counted: Counted): boolean {
  return failsUnlessByExitCode(counted) || (counted.type === "Launcher" && counted.failed > 0);
}

/** Where the operator puts a pod, or finds one. */
export interface Replica {
  readonly role: string;
  readonly index: number;
}

/** By labels, as the operator sorts also those pods that it adopts (`FilterPodsForReplicaType`, `GetPodSlices`). */
export function placeOf({ metadata: { labels = {} } }: KubeObject): Replica {
  return { role: labels[`${PREFIX}replica-type`] ?? "", index: Number(labels[`${PREFIX}replica-index`] ?? Infinity) };
}

export function endOf({ status }: ReplicaJob): string | undefined {
  return status?.conditions?.find(({ type }) => type === "Succeeded" || type === "Failed")?.type;
}

export function replicasOf({ spec }: KubeObject, { field }: Family): Readonly<Record<string, Replicas>> {
  return (spec?.[field] ?? {}) as Readonly<Record<string, Replicas>>;
}

/** One pass over all jobs of a kind (training-operator `pkg/controller.v1/common/{job,pod}.go`). */
export function* syncReplicaJobs(store: Store, family: Family): Generator<void> {
  for (const { metadata } of store.list(family)) {
    const job = store.get(metadata.uid);
    if (job !== undefined && !isDeleting(job)) yield* syncJob(store, job, family);
  }
}

function* syncJob(store: Store, job: KubeObject & ReplicaJob, family: Family): Generator<void> {
  const name = job.metadata.name;
  const selector = { [`${PREFIX}job-name`]: name, [`${PREFIX}operator-name`]: family.kind };
  const pods = yield* claim(store, job, PODS, selector);
  const { suspend = false, cleanPodPolicy = "None" } = job.spec?.runPolicy ?? {};
  if (endOf(job) !== undefined) {
    for (const pod of cleanPodPolicy === "None" ? [] : pods.filter(isAlive)) {
      deleteObject(store, pod);
      yield;
    }
    return;
  }
  if (suspend) {
    for (const pod of pods.filter((each) => !isDeleting(each))) {
      deleteObject(store, pod);
      yield;
    }
    return;
  }
  const all = Object.entries(replicasOf(job, family));
  for (const [type, spec] of all) yield* syncReplicas(store, job, family, pods, type, spec);
  const isRestarting = all.some(([type, spec]) => {
    return ofType(pods, type).some((pod) => isRestarted(pod, spec, family));
  });
  for (const [type, spec] of all) {
    const counted = { ...count(ofType(pods, type), type, spec, family), isRestarting };
    if (type === family.first && counted.succeeded === counted.replicas) {
      yield* end(store, job, "Succeeded", cleanPodPolicy);
      return;
    }
    if (family.fails(counted)) {
      yield* end(store, job, "Failed", cleanPodPolicy);
      return;
    }
  }
}

/** Deletes the pods that are too many or failed, and creates those that are missing (`ReconcilePods`). */
function* syncReplicas(
  store: Store,
  job: KubeObject & ReplicaJob,
  family: Family,
  pods: readonly KubeObject[],
  type: string,
  spec: Replicas,
): Generator<void> {
  const { replicas = 1 } = spec;
  const own = ofType(pods, type);
  for (const pod of own) {
    if (isDeleting(pod) || (placeOf(pod).index < replicas && !isRestarted(pod, spec, family))) continue;
    deleteObject(store, pod);
    yield;
  }
  for (let index = 0; index < replicas; index += 1) {
    if (own.some((each) => placeOf(each).index === index)) continue;
    createPod(store, job, family, { role: type.toLowerCase(), index });
    yield;
  }
}

function ofType(pods: readonly KubeObject[], type: string): readonly KubeObject[] {
  return pods.filter((pod) => placeOf(pod).role === type.toLowerCase());
}

function isRestarted(pod: KubeObject, { restartPolicy }: Replicas, { isMpi = false }: Family): boolean {
  return !isMpi && phaseOf(pod) === "Failed" && restartPolicy !== "Never";
}

/**
 * A pod that is being deleted while it runs counts as failed: its node may be lost, and it would never fail (`UpdateJobReplicaStatuses`,
 * training-operator `pkg/core/status.go`). The pods are as the pass saw them first.
 */
function count(
  pods: readonly KubeObject[],
  type: string,
  { replicas = 1, restartPolicy = "Never" }: Replicas,
  { isMpi = false }: Family,
): Omit<Counted, "isRestarting"> {
  const counts = { active: 0, succeeded: 0, failed: 0 };
  for (const pod of pods) {
    const phase = phaseOf(pod);
    if (phase === "Succeeded") counts.succeeded += 1;
    else if (phase === "Failed" || (phase === "Running" && isDeleting(pod) && !isMpi)) counts.failed += 1;
    else if (phase === "Running") counts.active += 1;
  }
  return { type, replicas, restartPolicy, ...counts };
}

function createPod(store: Store, job: KubeObject, { kind }: Family, place: Replica): void {
  const { name } = job.metadata;
  try {
    store.create({
      ...PODS,
      metadata: {
        name: `${name}-${place.role}-${place.index}`,
        labels: {
          [`${PREFIX}job-name`]: name,
          [`${PREFIX}operator-name`]: kind,
          [`${PREFIX}replica-type`]: place.role,
          [`${PREFIX}replica-index`]: String(place.index),
        },
        ownerReferences: [controllerReference(job)],
      },
      spec: { containers: [{ name: "main", image: "a" }] },
      status: { phase: "Pending" },
    });
  } catch (error) {
    // The pod before has the name until it is gone.
    if (!(error instanceof Refused)) throw error;
  }
}

/** Unless its policy leaves them, the pods that still run are obsolete from here on. */
function* end(store: Store, job: KubeObject, type: string, cleanPodPolicy: string): Generator<void> {
  const pods = store.everOwnedBy(job.metadata.uid, PODS).map(({ metadata }) => metadata.uid);
  const facts = cleanPodPolicy === "None" ? [] : obsolete(...pods);
  store.update(job, { status: { conditions: [{ type, status: "True" }] } }, facts);
  yield;
}
