// Facts that every controller reads from objects.

import type { ResourceName, StoredObject } from "../world.ts";

export type Labels = Readonly<Record<string, string>>;
export type OwnerReference = NonNullable<StoredObject["metadata"]["ownerReferences"]>[number];

export interface LabelSelector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

export interface PodTemplate {
  readonly metadata?: { readonly labels?: Labels; readonly annotations?: Labels };
  readonly spec?: Readonly<Record<string, unknown>>;
}

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
  readonly lastUpdateTime?: string;
  readonly lastProbeTime?: string;
}

/** The resource of a kind that these controllers own objects of. */
export const resourceOfKind: Readonly<Record<string, ResourceName>> = {
  Deployment: "deployments.apps",
  ReplicaSet: "replicasets.apps",
  StatefulSet: "statefulsets.apps",
  Job: "jobs.batch",
  JobSet: "jobsets.jobset.x-k8s.io",
};

export function controllerOf(object: StoredObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find(({ controller }) => controller === true);
}

export function controllerReference(owner: StoredObject): OwnerReference {
  const { name, uid } = owner.metadata;
  return { apiVersion: owner.apiVersion, kind: owner.kind, name, uid, controller: true, blockOwnerDeletion: true };
}

export function isDeleting(object: StoredObject): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}

/** An empty or missing selector matches nothing here: no controller of this package may own everything. */
export function selects(selector: LabelSelector | undefined, labels: Labels = {}): boolean {
  const equal = Object.entries(selector?.matchLabels ?? {});
  const expressions = selector?.matchExpressions ?? [];
  if (equal.length === 0 && expressions.length === 0) return false;
  return (
    equal.every(([key, value]) => labels[key] === value) &&
    expressions.every(({ key, operator, values = [] }) => {
      const value = labels[key];
      switch (operator) {
        case "In":
          return value !== undefined && values.includes(value);
        case "NotIn":
          return value === undefined || !values.includes(value);
        case "Exists":
          return value !== undefined;
        default:
          return operator === "DoesNotExist" && value === undefined;
      }
    })
  );
}

export function podPhase(pod: StoredObject): string {
  const phase = pod.status?.["phase"];
  return typeof phase === "string" ? phase : "Pending";
}

export function isFinishedPod(pod: StoredObject): boolean {
  return ["Succeeded", "Failed"].includes(podPhase(pod));
}

/** Whether a pod counts as active: neither finished nor being deleted. */
export function isActivePod(pod: StoredObject): boolean {
  return !isFinishedPod(pod) && !isDeleting(pod);
}

export function conditionsOf(
  object: StoredObject | { readonly status?: Record<string, unknown> | undefined },
): readonly Condition[] {
  return (object.status?.["conditions"] ?? []) as Condition[];
}

export function isTrue(object: StoredObject, type: string): boolean {
  return conditionsOf(object).some((condition) => condition.type === type && condition.status === "True");
}

export function isReadyPod(pod: StoredObject): boolean {
  return isTrue(pod, "Ready");
}

/** Milliseconds until a ready pod counts as available; 0 if it is, `undefined` if it is not ready. */
export function untilAvailable(pod: StoredObject, minReadySeconds: number): number | undefined {
  const ready = conditionsOf(pod).find(({ type, status }) => type === "Ready" && status === "True");
  if (ready === undefined) return undefined;
  if (minReadySeconds === 0) return 0;
  return Math.max(0, Date.parse(ready.lastTransitionTime ?? "") + minReadySeconds * 1000 - Date.now());
}

/** Oldest first, then by name: the order of the real controllers. */
export function byAge(a: StoredObject, b: StoredObject): number {
  const [first, second] = [a.metadata.creationTimestamp, b.metadata.creationTimestamp];
  if (first !== second) return first < second ? -1 : 1;
  return a.metadata.name < b.metadata.name ? -1 : 1;
}

/** API time, 1 s resolution. */
export function apiTime(): string {
  return `${new Date().toISOString().slice(0, 19)}Z`;
}

/** A field of `spec` or `status` that is a number. */
export function numberAt(
  fields: Readonly<Record<string, unknown>> | undefined,
  name: string,
  otherwise: number,
): number {
  const value = fields?.[name];
  return typeof value === "number" ? value : otherwise;
}

export function templateOf(object: StoredObject): PodTemplate {
  return object.spec?.["template"] ?? {};
}

export function selectorOf(object: StoredObject): LabelSelector | undefined {
  return object.spec?.["selector"] as LabelSelector | undefined;
}

/** Leaves out zeros, as the API does for most counts. */
export function nonZero(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));
}
