import { verdictOfInactivePod } from "@kinsync/core/contract";
import type { Judgement, KindView, KubeObject, OwnedPod, Reason, Verdict } from "@kinsync/core/contract";

/** What both kinds read of their root. */
interface Replicas {
  readonly replicas?: number;
}

/**
 * Every live pod is current. A change of the template affects pods that are created later, and leaves no mark on the others
 * (`manageReplicas`, k8s `pkg/controller/replicaset/replica_set.go`, which also runs ReplicationControllers).
 */
export function judge({ root }: KindView): Judgement {
  return {
    pod: ({ pod }: OwnedPod): Verdict =>
      verdictOfInactivePod(pod) ?? {
        state: "current",
        reason: {
          code: "owned-and-alive",
          message: `the ${root.kind} owns it, and it is alive`,
          evidence: { "root.metadata.uid": root.metadata.uid },
        },
      },
    notes: [...noteOfController(root), ...noteOfScale(root)],
  };
}

/** A ReplicaSet of a Deployment is one of several; its owner is probably what the user means. */
function noteOfController({ kind, metadata }: KubeObject): readonly Reason[] {
  const controller = metadata.ownerReferences?.find((reference) => reference.controller === true);
  if (controller === undefined) return [];
  const owner = `${controller.kind.toLowerCase()}/${controller.name}`;
  return [
    {
      code: "controlled-by-another",
      message: `${controller.kind} ${controller.name} controls the ${kind}, and its next rollout replaces these pods; name ${owner} to follow it`,
      evidence: {
        "controller.kind": controller.kind,
        "controller.name": controller.name,
        "controller.uid": controller.uid,
      },
    },
  ];
}

function noteOfScale({ kind, spec }: KubeObject<Replicas>): readonly Reason[] {
  if (spec?.replicas !== 0) return [];
  return [{ code: "scaled-to-zero", message: `the ${kind} is scaled to 0 replicas`, evidence: { "spec.replicas": 0 } }];
}
