import type { KubeObject, Pod } from "@kinsync/core/contract";
import type { LabelSelector } from "@kinsync/core/contract";

export const REVISION_HASH = "controller-revision-hash";
export const POD_INDEX = "apps.kubernetes.io/pod-index";

/** The part of a StatefulSet that is read; the API server enforces the types. */
export interface StatefulSetFields {
  readonly spec?: {
    readonly replicas?: number;
    readonly selector?: LabelSelector;
    readonly ordinals?: { readonly start?: number };
    readonly updateStrategy?: { readonly type?: string; readonly rollingUpdate?: { readonly partition?: number } };
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly currentRevision?: string;
    readonly updateRevision?: string;
  };
}

export function readStatefulSet(root: KubeObject): StatefulSetFields {
  return root;
}

/** Ordinal of a pod: the label (since Kubernetes 1.28), else the number that ends its name; `undefined` where neither is there. */
export function ordinalOf(pod: Pod): number | undefined {
  const text = pod.metadata.labels?.[POD_INDEX] ?? /-(\d+)$/.exec(pod.metadata.name)?.[1];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
