import type { KindView, Reason } from "@kinsync/core/contract";
import { present, readRollout } from "./fields.ts";

/** What one judgement needs of the Rollout, read once. */
export interface Progress {
  readonly wanted: string | undefined;
  readonly stable: string | undefined;
  /** Revisions that the Services of a blue-green Rollout lead to. */
  readonly active: string | undefined;
  readonly preview: string | undefined;
  readonly isAborted: boolean;
  readonly isDeleting: boolean;
  /** Why `wanted` may be about the past. */
  readonly unseen: Reason | undefined;
  /** Pods that are older are restarted; `undefined` where that is done. */
  readonly restartAt: string | undefined;
}

export function readProgress(view: KindView): Progress {
  const { root } = view;
  const { spec, status } = readRollout(root);
  const restartAt = present(spec?.restartAt);
  return {
    wanted: present(status?.currentPodHash),
    stable: present(status?.stableRS),
    active: present(status?.blueGreen?.activeSelector),
    preview: present(status?.blueGreen?.previewSelector),
    isAborted: status?.abort === true,
    isDeleting: root.metadata.deletionTimestamp !== undefined,
    unseen: unseenReason(view),
    restartAt: restartAt === status?.restartedAt ? undefined : restartAt,
  };
}

/** The generations in the status are texts. With `workloadRef` the template is that of another object, with its own generation. */
function unseenReason({ root, referred }: KindView): Reason | undefined {
  const { status } = readRollout(root);
  const generation = root.metadata.generation ?? 0;
  const observed = Number(present(status?.observedGeneration) ?? 0);
  if (observed < generation) {
    return {
      code: "generation-not-observed",
      message: `the Rollout is at generation ${generation}, its controller has seen ${observed}`,
      evidence: { "metadata.generation": generation, "status.observedGeneration": observed },
    };
  }
  const [workload] = referred;
  const template = workload?.metadata.generation ?? 0;
  const seen = Number(present(status?.workloadObservedGeneration) ?? 0);
  if (workload === undefined || seen >= template) return undefined;
  return {
    code: "template-not-observed",
    message: `the template of ${workload.kind} ${workload.metadata.name} is at generation ${template}, the Rollout's controller has seen ${seen}`,
    evidence: { "workload.metadata.generation": template, "status.workloadObservedGeneration": seen },
  };
}
