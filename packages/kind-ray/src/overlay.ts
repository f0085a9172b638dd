import { delegatedVerdict, ELIGIBLE_STATES, verdictOfInactivePod } from "@kinsync/core/contract";
import type { KindView, KubeObject, OwnedPod, Verdict } from "@kinsync/core/contract";

/** What the owner of a RayCluster knows better about the live pods of the cluster. Default: the cluster's own verdict holds. */
export interface Better extends Partial<Pick<Verdict, "labels">> {
  readonly verdict?: Pick<Verdict, "state" | "reason">;
}

/**
 * The verdict of the RayCluster that owns the pod. Where the pod would get files, what the cluster's owner knows better comes first. A pod of
 * a Job is a helper: it submits or cleans up, and is not a Ray node.
 */
export function judgePod(view: KindView, owned: OwnedPod, better: (cluster: KubeObject) => Better): Verdict {
  const child = owned.owners.at(-1);
  if (child?.kind === "Job") {
    const submitter: Pick<Verdict, "state" | "reason"> = verdictOfInactivePod(owned.pod) ?? {
      state: "helper",
      reason: {
        code: "submitter",
        message: `its Job ${child.metadata.name} submits to the RayCluster, and it is not a Ray node`,
        evidence: { "job.metadata.uid": child.metadata.uid },
      },
    };
    return { ...submitter, role: "submitter" };
  }
  const verdict = delegatedVerdict(view, owned);
  if (child === undefined || verdict === undefined) {
    return (
      verdictOfInactivePod(owned.pod) ?? {
        state: "unsettled",
        reason: { code: "cluster-not-judged", message: "no kind judges the RayCluster that owns it" },
      }
    );
  }
  const { labels, verdict: other } = better(child);
  const isReplaced =
    ELIGIBLE_STATES.includes(verdict.state) || (verdict.state === "unsettled" && other?.state === "superseded");
  return {
    ...verdict,
    ...(isReplaced ? other : {}),
    ...(labels === undefined ? {} : { labels: { ...verdict.labels, ...labels } }),
  };
}
