import type { TruthMoment } from "@kinsync/core/testing";
import { countOf, differences } from "./count-states.ts";

interface ReplicaJobStatus {
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  readonly replicaStatuses?: Readonly<Record<string, { readonly active?: number }>>;
}

/**
 * Compares a truth with the counts of Kubeflow's training operator (`UpdateJobReplicaStatuses`, training-operator `pkg/core/status.go`): of
 * each type of replicas, `active` counts the pods that run and are not being deleted. It is not counted any more once a job has ended.
 * @returns the differences
 */
export function replicaJobCounts(moment: TruthMoment): readonly string[] {
  const { root } = moment;
  if (root === undefined) return [`the job does not exist`];
  const { conditions = [], replicaStatuses = {} }: ReplicaJobStatus = root.status ?? {};
  const hasEnded = conditions.some(({ type, status }) => isEnd(type) && status === "True");
  const kept = countOf(moment, "kept");
  if (hasEnded)
    return differences("are current", countOf(moment, "current"), "the number of those of a job that ended", 0);
  const counted = Object.entries(replicaStatuses).flatMap(([type, { active = 0 }]) => {
    const current = countOf(
      moment,
      "current",
      ({ metadata }) => metadata.labels?.["training.kubeflow.org/replica-type"] === type.toLowerCase(),
    );
    return differences(`pods of ${type} are current`, current, "its active ones", active);
  });
  return [...counted, ...differences("are kept", kept, "the number of those of a job that goes on", 0)];
}

function isEnd(type: string): boolean {
  return type === "Succeeded" || type === "Failed";
}
