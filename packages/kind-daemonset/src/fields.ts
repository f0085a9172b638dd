import type { KubeObject, Wire } from "@kinsync/core/contract";
import type { V1DaemonSetSpec, V1DaemonSetStatus } from "@kubernetes/client-node";

/** Label of a pod and of its ControllerRevision: the hash of the pod template. */
export const REVISION_HASH = "controller-revision-hash";
/** Label of a pod: how often the template had changed when the pod was created. */
export const POD_GENERATION = "pod-template-generation";
/** Annotation of a DaemonSet: how often its template has changed. It grows with a rollback, too. */
export const TEMPLATE_GENERATION = "deprecated.daemonset.template.generation";

/** A DaemonSet as the API server delivers it; any field may be missing. */
export type DaemonSet = KubeObject<Partial<Wire<V1DaemonSetSpec>>, Partial<Wire<V1DaemonSetStatus>>>;

/** A ControllerRevision: its number is beside `metadata`. */
export interface ControllerRevision extends KubeObject {
  readonly revision?: number;
}

export function readDaemonSet(root: KubeObject): DaemonSet {
  return root;
}

export function readRevision(object: KubeObject): ControllerRevision {
  return object;
}

/** Keeps number and metadata of a ControllerRevision; `data`, a whole pod template, is most of its size. */
export function projectRevision(object: KubeObject): KubeObject {
  const { apiVersion, kind, metadata, revision } = readRevision(object);
  const projected: ControllerRevision = { apiVersion, kind, metadata, ...(revision === undefined ? {} : { revision }) };
  return projected;
}
