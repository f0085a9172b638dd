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

interface Replicas {
  readonly replicas?: number;
  readonly restartPolicy?: "OnFailure" | "Never";
}

/** What the kinds of the training operator differ in. */
export interface Family extends Type {
  /** Field of the spec that has the replicas by type. */
  readonly field: string;
  /** The type whose first replica ends the job. */
  readonly first: string;
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
  for (const [type, { replicas = 1, restartPolicy }] of Object.entries(replicasOf(job, family))) {
    const role = type.toLowerCase();
    const own = pods.filter((pod) => placeOf(pod).role === role);
    for (const pod of own) {
      const { index } = placeOf(pod);
      const isRestarted = phaseOf(pod) === "Failed" && restartPolicy !== "Never";
      if (isDeleting(pod) || (index < replicas && !isRestarted)) continue;
      deleteObject(store, pod);
      yield;
    }
    for (let index = 0; index < replicas; index += 1) {
      const pod = own.find((each) => placeOf(each).index === index);
      if (pod === undefined) {
        createPod(store, job, family, { role, index });
        yield;
      } else if (phaseOf(pod) === "Failed" && restartPolicy === "Never") {
        yield* end(store, job, "Failed", cleanPodPolicy);
        return;
      } else if (phaseOf(pod) === "Succeeded" && type === family.first && index === 0) {
        yield* end(store, job, "Succeeded", cleanPodPolicy);
        return;
      }
    }
  }
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
