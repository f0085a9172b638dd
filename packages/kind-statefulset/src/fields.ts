import type { KubeObject, Pod, Wire } from "@kinsync/core/contract";
import type { V1StatefulSetSpec, V1StatefulSetStatus } from "@kubernetes/client-node";

export const REVISION_HASH = "controller-revision-hash";
export const POD_INDEX = "apps.kubernetes.io/pod-index";

/** A StatefulSet as the API server delivers it; any field may be missing. */
export type StatefulSet = KubeObject<Partial<Wire<V1StatefulSetSpec>>, Partial<Wire<V1StatefulSetStatus>>>;

export function readStatefulSet(root: KubeObject): StatefulSet {
  return root;
}

/** Ordinal of a pod: the label (since Kubernetes 1.28), else the number that ends its name; `undefined` where neither is there. */
export function ordinalOf(pod: Pod): number | undefined {
  const text = pod.metadata.labels?.[POD_INDEX] ?? /-(\d+)$/.exec(pod.metadata.name)?.[1];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
