import type { KubeObject } from "@kinsync/core/contract";
import type { TruthMoment } from "@kinsync/core/testing";
import { countOf, differences } from "./count-states.ts";

const REPLICA_TYPE = "training.kubeflow.org/replica-type";

interface ReplicaStatus {
  readonly active?: number;
  readonly succeeded?: number;
  readonly failed?: number;
}

interface ReplicaJobStatus {
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  readonly replicaStatuses?: Readonly<Record<string, ReplicaStatus>>;
}

/**
 * Compares a truth with the counts of Kubeflow's training operator (`UpdateJobReplicaStatuses`, training-operator `pkg/core/status.go`): of
 * each type of replicas, `active` counts the pods that run and are not being deleted, `failed` those that failed and those that are being
 * deleted while they run, `succeeded` those that succeeded. An MPIJob counts by phase alone (`updateMPIJobStatus`, `pkg/controller.v1/mpi`).
 * A job that has ended or is suspended is not counted any more.
 * @returns the differences
 */
export function replicaJobCounts(moment: TruthMoment): readonly string[] {
  const { root } = moment;
  if (root === undefined) return [`the job does not exist`];
  const { conditions = [], replicaStatuses = {} }: ReplicaJobStatus = root.status ?? {};
  const has = (...types: readonly string[]): boolean =>
    conditions.some(({ type, status }) => types.includes(type) && status === "True");
  const kept = countOf(moment, "kept");
  const current = countOf(moment, "current");
  if (has("Succeeded", "Failed")) {
    return differences("are current", current, "the number of those of a job that ended", 0);
  }
  const counted = has("Suspended")
    ? differences("are current", current, "the number of those of a suspended job", 0)
    : Object.entries(replicaStatuses).flatMap(([type, status]) => replicaCounts(moment, type, status));
  return [...counted, ...differences("are kept", kept, "the number of those of a job that goes on", 0)];
}

function replicaCounts(moment: TruthMoment, type: string, status: ReplicaStatus): readonly string[] {
  const { active = 0, succeeded = 0, failed = 0 } = status;
  const isOfType = ({ metadata }: KubeObject): boolean => metadata.labels?.[REPLICA_TYPE] === type.toLowerCase();
  const count = (state: string, phase: string): number =>
    countOf(moment, state, (pod) => isOfType(pod) && pod.status?.["phase"] === phase);
  const leaving = count("terminating", "Running");
  const isMpi = moment.root?.kind === "MPIJob";
  const current = countOf(moment, "current", isOfType);
  const phases = (phase: string): number => count("finished", phase) + count("terminating", phase);
  return [
    ...differences(`pods of ${type} are current`, current + (isMpi ? leaving : 0), "its active ones", active),
    ...differences(`pods of ${type} succeeded`, phases("Succeeded"), "its succeeded ones", succeeded),
    ...differences(
      `pods of ${type} failed or are deleted`,
      phases("Failed") + (isMpi ? 0 : leaving),
      "its failed ones",
      failed,
    ),
  ];
}
