import type { KubeObject } from "@kinsync/core/contract";

/** Label of a ReplicaSet and of its pods: the hash of the pod template (argo-rollouts `pkg/apis/rollouts/v1alpha1/types.go`). */
export const POD_HASH = "rollouts-pod-template-hash";

/** The part of a Rollout's spec that is read. */
interface RolloutSpec {
  readonly replicas?: number;
  readonly paused?: boolean;
  readonly restartAt?: string;
  readonly selector?: {
    readonly matchLabels?: Readonly<Record<string, string>>;
    readonly matchExpressions?: readonly {
      readonly key: string;
      readonly operator: string;
      readonly values?: readonly string[];
    }[];
  };
  readonly strategy?: { readonly blueGreen?: object };
  /** The template is that of this object. */
  readonly workloadRef?: { readonly apiVersion?: string; readonly kind?: string; readonly name?: string };
}

/** The part of a Rollout's status that is read. The two generations are texts. */
interface RolloutStatus {
  readonly observedGeneration?: string;
  readonly workloadObservedGeneration?: string;
  readonly currentPodHash?: string;
  readonly stableRS?: string;
  readonly abort?: boolean;
  readonly restartedAt?: string;
  readonly pauseConditions?: readonly { readonly reason?: string }[];
  readonly blueGreen?: { readonly activeSelector?: string; readonly previewSelector?: string };
}

/** A Rollout: there are no official types, so the fields that are read are declared here. Any of them may be missing. */
export type Rollout = KubeObject<RolloutSpec, RolloutStatus>;

export function readRollout(root: KubeObject): Rollout {
  return root;
}

/** An empty text is what Go writes for a missing one. */
export function present(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}
