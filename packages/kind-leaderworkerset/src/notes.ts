import type { KindView, Reason } from "@kinsync/core/contract";
import { leaderSetOf, readLeaderWorkerSet } from "./fields.ts";

/** What the user should know about the LeaderWorkerSet as a whole, most important first. */
export function notesOf({ root, owned }: KindView): readonly Reason[] {
  const { spec, status } = readLeaderWorkerSet(root);
  const replicas = spec?.replicas ?? 1;
  const updated = status?.updatedReplicas ?? 0;
  const evidence = { "spec.replicas": replicas, "status.updatedReplicas": updated };
  if (leaderSetOf(root, owned) === undefined) {
    return [
      {
        code: "leaders-not-seen",
        message: "the StatefulSet of the LeaderWorkerSet's leaders has not been seen yet",
        evidence: { "metadata.uid": root.metadata.uid },
      },
    ];
  }
  if (replicas === 0) {
    return [{ code: "scaled-to-zero", message: "the LeaderWorkerSet is scaled to 0 groups", evidence }];
  }
  if (updated >= replicas) return [];
  const partition = Math.min(spec?.rolloutStrategy?.rollingUpdateConfiguration?.partition ?? 0, replicas);
  if (partition > 0 && updated >= replicas - partition) {
    return [
      {
        code: "update-partitioned",
        message: `${updated} of ${replicas} groups are of the current revision, partition ${partition} keeps the others as they are`,
        evidence: { ...evidence, "spec.rolloutStrategy.rollingUpdateConfiguration.partition": partition },
      },
    ];
  }
  return [
    {
      code: "rollout-in-progress",
      message: `${updated} of ${replicas} groups are of the current revision and ready`,
      evidence,
    },
  ];
}
