// The pods of a Job: their finalizer, their index, and which of them to delete.

import type { StoredObject } from "../world.ts";
import type { ControllerContext, PodOverrides } from "./controller.ts";
import { isReadyPod, templateOf } from "./objects.ts";

export const jobTracking = "batch.kubernetes.io/job-tracking";
const completionIndex = "batch.kubernetes.io/job-completion-index";
const failureCount = "batch.kubernetes.io/job-index-failure-count";

/** Whether the pod still has the finalizer that keeps it until its Job has counted it. */
export function isTracked({ metadata }: StoredObject): boolean {
  return metadata.finalizers?.includes(jobTracking) === true;
}

/** Removes the finalizer of a pod that its Job has counted, or that no Job will count. */
export function dropTracking(pod: StoredObject, { view }: ControllerContext): void {
  if (!isTracked(pod)) return;
  view.update("pods", pod, ({ metadata: { finalizers = [], ...metadata } }) => {
    const left = finalizers.filter((entry) => entry !== jobTracking);
    return { metadata: left.length === 0 ? metadata : { ...metadata, finalizers: left } };
  });
}

/** What the pod of an index has beyond the Job's template. `failures`: the failed pods of this index, if the Job limits them per index. */
export function podOfIndex(
  job: StoredObject,
  index: number,
  failures: readonly StoredObject[] | undefined,
): PodOverrides {
  const { spec } = templateOf(job);
  const variable = {
    name: "JOB_COMPLETION_INDEX",
    valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: `metadata.labels['${completionIndex}']` } },
  };
  const withIndex = (list: unknown): unknown =>
    ((list ?? []) as { env?: { name: string }[] }[]).map((container) => ({
      ...container,
      env: [...(container.env ?? []).filter(({ name }) => name !== variable.name), variable],
    }));
  const inits = spec?.["initContainers"];
  const counts = failures?.map((pod) => indexFailures(pod) + 1);
  return {
    generateName: `${job.metadata.name}-${index}-`,
    labels: { [completionIndex]: String(index) },
    annotations: {
      [completionIndex]: String(index),
      ...(counts === undefined ? {} : { [failureCount]: String(Math.max(0, ...counts)) }),
    },
    finalizers: [jobTracking],
    spec: {
      hostname: `${job.metadata.name}-${index}`,
      containers: withIndex(spec?.["containers"]),
      ...(inits === undefined ? {} : { initContainers: withIndex(inits) }),
    },
  };
}

export function indexOf(pod: StoredObject): number | undefined {
  const text = pod.metadata.annotations?.[completionIndex];
  return text === undefined ? undefined : Number(text);
}

export function indexFailures(pod: StoredObject): number {
  return Number(pod.metadata.annotations?.[failureCount] ?? 0);
}

/** The pods to delete: all but one of each index, and those beyond the desired number; pods that are not ready first. */
export function surplus(active: readonly StoredObject[], desired: number): StoredObject[] {
  const best = [...active].sort((a, b) => Number(isReadyPod(b)) - Number(isReadyPod(a)));
  const seen = new Set<number>();
  const doubles = best.filter((pod) => {
    const index = indexOf(pod);
    if (index === undefined || !seen.has(index)) {
      if (index !== undefined) seen.add(index);
      return false;
    }
    return true;
  });
  const rest = best.filter((pod) => !doubles.includes(pod));
  return [...doubles, ...rest.slice(Math.max(0, desired))];
}

export function restartsOf(pods: readonly StoredObject[]): number {
  let restarts = 0;
  for (const pod of pods) {
    for (const list of ["initContainerStatuses", "containerStatuses"]) {
      for (const status of (pod.status?.[list] ?? []) as { restartCount?: number }[])
        restarts += status.restartCount ?? 0;
    }
  }
  return restarts;
}

/** When the deletion of a pod was requested. */
export function deletedAt({ metadata }: StoredObject): number {
  const { deletionTimestamp = "", deletionGracePeriodSeconds = 0 } = metadata;
  return Date.parse(deletionTimestamp) - deletionGracePeriodSeconds * 1000;
}

export function finishedAt(pod: StoredObject): number {
  const times = (
    (pod.status?.["containerStatuses"] ?? []) as { state?: { terminated?: { finishedAt?: string } } }[]
  ).map(({ state }) => Date.parse(state?.terminated?.finishedAt ?? ""));
  return Math.max(0, ...times.filter((time) => !Number.isNaN(time)));
}
