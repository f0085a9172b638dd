import type { KindView, Reason } from "@kinsync/core/contract";
import { readDaemonSet } from "./fields.ts";

/** What the user should know about the DaemonSet as a whole, most important first. */
export function notesOf({ root, missing }: KindView): readonly Reason[] {
  const { spec, status } = readDaemonSet(root);
  const wanted = status?.desiredNumberScheduled;
  const updated = status?.updatedNumberScheduled ?? 0;
  const notes: Reason[] = [];
  if (missing.length > 0) {
    notes.push({
      code: "revisions-not-readable",
      message:
        "the ControllerRevisions of the DaemonSet cannot be read, so after a rollback kinsync cannot tell which pods are of the current revision",
      evidence: { missing: missing.map(({ plural }) => plural).join(", ") },
    });
  }
  if (wanted === undefined) return notes;
  const evidence = { "status.desiredNumberScheduled": wanted, "status.updatedNumberScheduled": updated };
  if (wanted === 0) {
    notes.push({ code: "no-nodes", message: "the DaemonSet fits no node, so it has no pods", evidence });
  } else if (updated < wanted) {
    notes.push(
      spec?.updateStrategy?.type === "OnDelete"
        ? {
            code: "update-on-delete",
            message: `pods of the current revision run on ${updated} of ${wanted} nodes, the others stay until someone deletes them (OnDelete)`,
            evidence,
          }
        : {
            code: "rollout-in-progress",
            message: `a rollout is in progress: pods of the current revision run on ${updated} of ${wanted} nodes`,
            evidence,
          },
    );
  }
  return notes;
}
