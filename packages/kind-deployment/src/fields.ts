import type { KubeObject } from "@kinsync/core/contract";
import type { LabelSelector } from "@kinsync/core/contract";

/** Annotation on a Deployment and on each of its ReplicaSets: a number that grows with each rollout, also with a rollback. */
export const REVISION = "deployment.kubernetes.io/revision";

/** The part of a Deployment that is read; the API server enforces the types. */
export interface DeploymentFields {
  readonly spec?: {
    readonly replicas?: number;
    readonly paused?: boolean;
    readonly selector?: LabelSelector;
    readonly strategy?: { readonly type?: string };
  };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason?: string }[];
  };
}

export function readDeployment(root: KubeObject): DeploymentFields {
  return root;
}

/** The revision annotation as a number; `undefined` where it is absent or no number. */
export function revisionOf(object: KubeObject): number | undefined {
  const text = object.metadata.annotations?.[REVISION];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
