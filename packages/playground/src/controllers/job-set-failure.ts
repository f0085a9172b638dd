// How a JobSet reacts to a failed Job: pkg/controllers/failure_policy.go. Pure.

import type { StoredObject } from "../world.ts";
import { conditionsOf } from "./objects.ts";
import { jobSetSpec, replicatedJobOf, type FailureRule } from "./job-set-spec.ts";

export type FailureVerdict =
  | { readonly kind: "fail"; readonly reason: string; readonly message: string }
  | { readonly kind: "restart"; readonly counts: boolean; readonly reason: string; readonly message: string };

/** @param failed - failed Jobs of the current attempt; the message names the one that failed first. */
export function judgeFailure(set: StoredObject, failed: readonly StoredObject[]): FailureVerdict {
  const [first] = [...failed].sort((a, b) => failedAt(a) - failedAt(b));
  const named = `(first failed job: ${first?.metadata.name ?? ""})`;
  const policy = jobSetSpec(set).failurePolicy;
  if (policy === undefined) {
    return { kind: "fail", reason: "FailedJobs", message: `jobset failed due to one or more job failures ${named}` };
  }
  const rules = policy.rules ?? [];
  const number = rules.findIndex((rule) => failed.some((job) => fits(rule, job)));
  const rule = rules[number];
  const culprit = rule === undefined ? first : failed.find((job) => fits(rule, job));
  const action = rule?.action ?? "RestartJobSet";
  const message = `applying ${action} failure policy action (first failed job: ${culprit?.metadata.name ?? ""})`;
  if (action === "FailJobSet") return { kind: "fail", reason: "FailJobSetFailurePolicyAction", message };
  const reason =
    rule === undefined ? "DefaultFailurePolicy" : `FailurePolicy_${rule.name ?? `failurePolicyRule${number}`}`;
  if (action === "RestartJobSetAndIgnoreMaxRestarts") return { kind: "restart", counts: false, reason, message };
  const counted = set.status?.["restartsCountTowardsMax"];
  if ((typeof counted === "number" ? counted : 0) >= (policy.maxRestarts ?? 0)) {
    return {
      kind: "fail",
      reason: "ReachedMaxRestarts",
      message: `jobset failed due to reaching max number of restarts ${named}`,
    };
  }
  return { kind: "restart", counts: true, reason, message };
}

function fits(rule: FailureRule, job: StoredObject): boolean {
  const { onJobFailureReasons = [], onJobFailureMessagePatterns = [], targetReplicatedJobs = [] } = rule;
  const condition = conditionsOf(job).find(({ type, status }) => type === "Failed" && status === "True");
  return (
    (onJobFailureReasons.length === 0 || onJobFailureReasons.includes(condition?.reason ?? "")) &&
    (onJobFailureMessagePatterns.length === 0 ||
      onJobFailureMessagePatterns.some((pattern) => new RegExp(pattern).test(condition?.message ?? ""))) &&
    (targetReplicatedJobs.length === 0 || targetReplicatedJobs.includes(replicatedJobOf(job) ?? ""))
  );
}

function failedAt(job: StoredObject): number {
  const condition = conditionsOf(job).find(({ type, status }) => type === "Failed" && status === "True");
  return Date.parse(condition?.lastTransitionTime ?? "") || 0;
}
