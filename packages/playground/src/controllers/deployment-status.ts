// The status of a Deployment, from its ReplicaSets. Pure but for the clock.

import type { StoredObject } from "../world.ts";
import { apiTime, conditionsOf, nonZero, numberAt, type Condition } from "./objects.ts";

export interface DeploymentFacts {
  readonly deployment: StoredObject;
  readonly desired: number;
  /** How many pods may be unavailable. */
  readonly unavailable: number;
  /** The ReplicaSet of the current template. */
  readonly present: StoredObject | undefined;
  readonly owned: readonly StoredObject[];
}

export interface DeploymentVerdict {
  readonly status: Record<string, unknown>;
  /** When the rollout exceeds its deadline without progress. */
  readonly againMilliseconds: number | undefined;
}

export function deploymentStatus(facts: DeploymentFacts): DeploymentVerdict {
  const { deployment, desired, present, owned } = facts;
  const sum = (count: string): number => owned.reduce((total, set) => total + numberAt(set.status, count, 0), 0);
  const specified = owned.reduce((total, set) => total + numberAt(set.spec, "replicas", 0), 0);
  const available = sum("availableReplicas");
  const counts = {
    replicas: sum("replicas"),
    updatedReplicas: numberAt(present?.status, "replicas", 0),
    readyReplicas: sum("readyReplicas"),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, specified - available),
  };
  const enough = available >= desired - facts.unavailable;
  const before = conditionsOf(deployment);
  const availability: Condition = enough
    ? {
        type: "Available",
        status: "True",
        reason: "MinimumReplicasAvailable",
        message: "Deployment has minimum availability.",
      }
    : {
        type: "Available",
        status: "False",
        reason: "MinimumReplicasUnavailable",
        message: "Deployment does not have minimum availability.",
      };
  const { progress, againMilliseconds } = progressOf(facts, counts);
  const conditions = [availability, ...(progress === undefined ? [] : [progress])].map((condition) =>
    stamp(
      condition,
      before.find(({ type }) => type === condition.type),
    ),
  );
  const kept = before.filter(({ type }) => !conditions.some((condition) => condition.type === type));
  const collisionCount = deployment.status?.["collisionCount"];
  return {
    status: {
      observedGeneration: deployment.metadata.generation,
      ...nonZero(counts),
      ...(collisionCount === undefined ? {} : { collisionCount }),
      conditions: [...kept, ...conditions],
    },
    againMilliseconds,
  };
}

function progressOf(
  { deployment, desired, present }: DeploymentFacts,
  counts: Readonly<Record<string, number>>,
): { readonly progress: Condition | undefined; readonly againMilliseconds: number | undefined } {
  const before = conditionsOf(deployment).find(({ type }) => type === "Progressing");
  const limit = numberAt(deployment.spec, "progressDeadlineSeconds", 600) * 1000;
  if (deployment.spec?.["paused"] === true) {
    return {
      progress: progressing("Unknown", "DeploymentPaused", "Deployment is paused"),
      againMilliseconds: undefined,
    };
  }
  if (before?.reason === "DeploymentPaused") {
    return { progress: progressing("Unknown", "DeploymentResumed", "Deployment is resumed"), againMilliseconds: limit };
  }
  const name =
    present === undefined ? `Deployment "${deployment.metadata.name}"` : `ReplicaSet "${present.metadata.name}"`;
  const complete =
    counts["updatedReplicas"] === desired && counts["replicas"] === desired && counts["availableReplicas"] === desired;
  // A finished rollout stays finished until the template changes, whatever its pods do.
  const stays = before?.reason === "NewReplicaSetAvailable" && before.message?.includes(name) === true;
  if (complete || stays) {
    return {
      progress: progressing("True", "NewReplicaSetAvailable", `${name} has successfully progressed.`),
      againMilliseconds: undefined,
    };
  }
  const fresh = before?.message?.includes(name) !== true;
  const previous = (count: string): number => numberAt(deployment.status, count, 0);
  const old = (replicas: number, updated: number): number => replicas - updated;
  const moved =
    (counts["updatedReplicas"] ?? 0) > previous("updatedReplicas") ||
    (counts["readyReplicas"] ?? 0) > previous("readyReplicas") ||
    (counts["availableReplicas"] ?? 0) > previous("availableReplicas") ||
    old(counts["replicas"] ?? 0, counts["updatedReplicas"] ?? 0) <
      old(previous("replicas"), previous("updatedReplicas"));
  if (fresh || moved) {
    const reason = fresh && before === undefined ? "NewReplicaSetCreated" : "ReplicaSetUpdated";
    const message =
      reason === "NewReplicaSetCreated" ? `Created new replica set ${name.slice(11)}` : `${name} is progressing.`;
    return {
      progress: { ...progressing("True", reason, message), lastUpdateTime: apiTime() },
      againMilliseconds: limit,
    };
  }
  const since = Date.parse(before?.lastUpdateTime ?? "");
  if (before?.reason !== "ProgressDeadlineExceeded" && Date.now() - since < limit) {
    return { progress: before, againMilliseconds: Math.max(0, since + limit - Date.now()) + 1000 };
  }
  return {
    progress: progressing("False", "ProgressDeadlineExceeded", `${name} has timed out progressing.`),
    againMilliseconds: undefined,
  };
}

function progressing(status: string, reason: string, message: string): Condition {
  return { type: "Progressing", status, reason, message };
}

function stamp(condition: Condition, before: Condition | undefined): Condition {
  const now = apiTime();
  const same = before?.status === condition.status && before.reason === condition.reason;
  return {
    ...condition,
    lastUpdateTime: condition.lastUpdateTime ?? (same ? (before.lastUpdateTime ?? now) : now),
    lastTransitionTime: before?.status === condition.status ? (before.lastTransitionTime ?? now) : now,
  };
}
