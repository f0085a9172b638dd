import type { KubeObject } from "@kinsync/core/contract";
import { obsolete } from "../cluster/facts.ts";
import { deleteObject } from "../cluster/garbage-collector.ts";
import { controllerReference, isAlive, isDeleting, phaseOf, type Labels, type Typed } from "../cluster/objects.ts";
import type { Store } from "../cluster/store.ts";
import { JOBS, PODS } from "../cluster/types.ts";
import { claim } from "./claim.ts";

export const COMPLETION_INDEX = "batch.kubernetes.io/job-completion-index";
const CONTROLLER_UID = "batch.kubernetes.io/controller-uid";

export interface JobSpec {
  readonly parallelism: number;
  readonly completions: number;
  readonly completionMode: "Indexed" | "NonIndexed";
  readonly backoffLimit: number;
  readonly suspend: boolean;
  readonly podReplacementPolicy: "TerminatingOrFailed" | "Failed";
  readonly podLabels: Labels;
  readonly podAnnotations: Labels;
  readonly image: string;
}

export type Job = Typed<
  JobSpec,
  { readonly conditions: readonly { readonly type: string; readonly status: string }[] }
>;

/**
 * The Job controller (k8s `pkg/controller/job/{job_controller,indexed_job_utils}.go`): one pass over all Jobs.
 * @param isStatusRead whether the kind reads the status of Jobs; one that watches only their metadata is told nothing by it. Default: `true`.
 */
export function* syncJobs(store: Store, isStatusRead = true): Generator<void> {
  for (const { metadata } of store.list(JOBS)) {
    const job = store.get(metadata.uid);
    if (job !== undefined) yield* syncJob(store, job, isStatusRead);
  }
}

export function hasEnded(job: Job): boolean {
  return hasCondition(job, "Complete") || hasCondition(job, "Failed");
}

/** The Job removes its live pods, or has done so. */
export function isEnding(job: Job): boolean {
  return hasEnded(job) || hasCondition(job, "SuccessCriteriaMet") || hasCondition(job, "FailureTarget");
}

function hasCondition({ status }: Job, type: string): boolean {
  return status?.conditions?.some((condition) => condition.type === type) ?? false;
}

/** Completion index that the controller gave a pod; `undefined` in a Job without indexes. */
export function indexIn({ metadata }: KubeObject): string | undefined {
  return metadata.annotations?.[COMPLETION_INDEX];
}

function* syncJob(store: Store, job: KubeObject & Job, isStatusRead: boolean): Generator<void> {
  if (hasEnded(job) || isDeleting(job)) return;
  const pods = yield* claim(store, job, PODS, { [CONTROLLER_UID]: job.metadata.uid });
  const alive = pods.filter(isAlive);
  const { completions = 1, backoffLimit = 6, suspend = false, completionMode } = job.spec ?? {};
  const succeeded = pods.filter((pod) => phaseOf(pod) === "Succeeded");
  const done = completionMode === "Indexed" ? new Set(succeeded.map(indexIn)).size : succeeded.length;
  if (isEnding(job)) yield* end(store, job, alive);
  else if (done >= completions) yield* announce(store, job, "SuccessCriteriaMet", isStatusRead);
  else if (pods.filter((pod) => phaseOf(pod) === "Failed").length > backoffLimit)
    yield* announce(store, job, "FailureTarget", isStatusRead);
  else if (suspend) {
    for (const pod of alive) {
      deleteObject(store, pod);
      yield;
    }
  } else yield* manage(store, job, pods);
}

/** The pods that still run are obsolete from here on. */
function* announce(store: Store, job: KubeObject & Job, type: string, isStatusRead: boolean): Generator<void> {
  const pods = store.everOwnedBy(job.metadata.uid, PODS).map(({ metadata }) => metadata.uid);
  store.update(job, { status: { conditions: [{ type, status: "True" }] } }, isStatusRead ? obsolete(...pods) : []);
  yield;
}

function* end(store: Store, job: KubeObject & Job, alive: readonly KubeObject[]): Generator<void> {
  for (const pod of alive) {
    deleteObject(store, pod);
    yield;
  }
  if (store.ownedBy(job.metadata.uid, PODS).some(isDeleting)) return;
  const conditions = job.status?.conditions ?? [];
  const type = hasCondition(job, "FailureTarget") ? "Failed" : "Complete";
  store.update(job, { status: { conditions: [...conditions, { type, status: "True" }] } });
  yield;
}

function* manage(store: Store, job: KubeObject & Job, pods: readonly KubeObject[]): Generator<void> {
  const { parallelism = 1, completions = 1, completionMode, podReplacementPolicy } = job.spec ?? {};
  const alive = pods.filter(isAlive);
  const succeeded = pods.filter((pod) => phaseOf(pod) === "Succeeded");
  if (completionMode !== "Indexed") {
    for (
      let missing = Math.min(parallelism, completions - succeeded.length) - alive.length;
      missing > 0;
      missing -= 1
    ) {
      createPod(store, job, undefined);
      yield;
    }
    return;
  }
  const indexes = Array.from({ length: completions }, (_, index) => String(index));
  const used = new Set<string | undefined>();
  for (const pod of alive) {
    const index = indexIn(pod);
    // Without an index, of an index that another one has, or of one that is not wanted any more.
    if (index === undefined || used.has(index) || !indexes.includes(index)) {
      deleteObject(store, pod);
      yield;
    }
    used.add(index);
  }
  const isAwaited = (pod: KubeObject): boolean => podReplacementPolicy === "Failed" && isDeleting(pod);
  const taken = new Set([...used, ...[...succeeded, ...pods.filter(isAwaited)].map(indexIn)]);
  const missing = indexes.filter((index) => !taken.has(index)).slice(0, Math.max(0, parallelism - used.size));
  for (const index of missing) {
    createPod(store, job, index);
    yield;
  }
}

function createPod(store: Store, job: KubeObject & Job, index: string | undefined): void {
  const { podLabels, podAnnotations, image = "a" } = job.spec ?? {};
  const { name, uid } = job.metadata;
  const indexed = index === undefined ? {} : { [COMPLETION_INDEX]: index };
  store.create({
    ...PODS,
    metadata: {
      name: `${name}${index === undefined ? "" : `-${index}`}-${store.writes}`,
      labels: {
        ...podLabels,
        ...indexed,
        [CONTROLLER_UID]: uid,
        "controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
      },
      annotations: { ...podAnnotations, ...indexed },
      ownerReferences: [controllerReference(job)],
    },
    spec: { containers: [{ name: "main", image }] },
    status: { phase: "Pending" },
  });
}
