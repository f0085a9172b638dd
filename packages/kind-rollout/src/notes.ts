import type { KindView, Reason } from "@kinsync/core/contract";
import { readRollout } from "./fields.ts";
import type { Progress } from "./progress.ts";

/** What the user should know about the Rollout as a whole, most important first. */
export function notesOf({ root }: KindView, progress: Progress): readonly Reason[] {
  const { spec, status } = readRollout(root);
  const { wanted, stable, isAborted, restartAt } = progress;
  const notes: Reason[] = [];
  const evidence = { "status.currentPodHash": wanted ?? null, "status.stableRS": stable ?? null };
  const isUnderWay = wanted !== undefined && wanted !== stable;
  const [pause] = status?.pauseConditions ?? [];
  if (isAborted) {
    notes.push({
      code: "rollout-aborted",
      message:
        `the rollout to ${wanted ?? "the wanted revision"} was aborted: the stable revision ${stable ?? ""} counts`.trim(),
      evidence: { ...evidence, "status.abort": true },
    });
  } else if (spec?.paused === true || pause !== undefined) {
    const why = pause?.reason === undefined ? "" : ` (${pause.reason})`;
    notes.push({
      code: "rollout-paused",
      message: `the Rollout is paused${why}${isUnderWay ? ": pods of both revisions stay" : ""}`,
      evidence: { ...evidence, "status.pauseConditions[0].reason": pause?.reason ?? null },
    });
  } else if (isUnderWay && stable !== undefined) {
    notes.push({
      code: "rollout-in-progress",
      message: `a rollout is in progress: revision ${wanted} runs beside the stable revision ${stable}`,
      evidence,
    });
  }
  if (restartAt !== undefined) {
    notes.push({
      code: "restart-pending",
      message: `pods that were created before ${restartAt} are restarted one by one`,
      evidence: { "spec.restartAt": restartAt, "status.restartedAt": status?.restartedAt ?? null },
    });
  }
  if (spec?.replicas === 0) {
    notes.push({
      code: "scaled-to-zero",
      message: "the Rollout is scaled to 0 replicas",
      evidence: { "spec.replicas": 0 },
    });
  }
  return notes;
}
