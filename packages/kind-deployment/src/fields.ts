import type { KubeObject, Wire } from "@kinsync/core/contract";
import type { V1DeploymentSpec, V1DeploymentStatus } from "@kubernetes/client-node";

/** Annotation on a Deployment and on each of its ReplicaSets: a number that grows with each rollout, also with a rollback. */
export const REVISION = "deployment.kubernetes.io/revision";

/** A Deployment as the API server delivers it; any field may be missing. */
export type Deployment = KubeObject<Partial<Wire<V1DeploymentSpec>>, Wire<V1DeploymentStatus>>;

export function readDeployment(root: KubeObject): Deployment {
  return root;
}

/** The revision annotation as a number; `undefined` where it is absent or no number. */
export function revisionOf(object: KubeObject): number | undefined {
  const text = object.metadata.annotations?.[REVISION];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
