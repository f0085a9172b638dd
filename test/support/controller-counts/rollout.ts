import type { TruthMoment } from "@kinsync/core/testing";

const HASH = "rollouts-pod-template-hash";

interface RolloutStatus {
  readonly observedGeneration?: string;
  readonly replicas?: number;
  readonly updatedReplicas?: number;
  readonly currentPodHash?: string;
  readonly stableRS?: string;
  readonly abort?: boolean;
}

/**
 * Compares a truth with the counts of the controller of Argo Rollouts (`calculateBaseStatus`, argo-rollouts `rollout/sync.go`):
 * `replicas` counts the living pods, `updatedReplicas` those whose hash is `currentPodHash`. After an abort the current members have
 * the hash `stableRS`, else `currentPodHash`; superseded ones have none of both.
 * @returns the differences
 */
export function rolloutCounts({ truth, root, objects }: TruthMoment): readonly string[] {
  if (root === undefined) return ["the Rollout does not exist"];
  const { members } = truth.truth;
  const status = (root.status ?? {}) as RolloutStatus;
  const { observedGeneration = "", replicas = 0, updatedReplicas = 0, currentPodHash, stableRS, abort } = status;
  const problems: string[] = [];
  if (observedGeneration !== String(root.metadata.generation)) {
    problems.push(`status.observedGeneration is ${observedGeneration}, the generation is ${root.metadata.generation}`);
  }
  const living = Object.entries(members).filter(([, state]) => ["current", "kept", "superseded"].includes(state));
  if (living.length !== replicas) {
    problems.push(`${living.length} members are living, status.replicas is ${replicas}`);
  }
  const hashes = new Map(objects.map(({ metadata }) => [metadata.name, metadata.labels?.[HASH]]));
  const updated = living.filter(([name]) => hashes.get(name) === currentPodHash).length;
  if (updated !== updatedReplicas) {
    problems.push(`${updated} members have the wanted hash, status.updatedReplicas is ${updatedReplicas}`);
  }
  const wanted = abort === true ? stableRS : currentPodHash;
  for (const [name, state] of living) {
    const hash = hashes.get(name);
    if (state === "current" && hash !== wanted) problems.push(`${name} is current, its hash ${hash} is not ${wanted}`);
    if (state === "superseded" && hash === wanted) problems.push(`${name} is superseded and has the hash ${wanted}`);
  }
  return problems;
}
