import { defineKind, narrowedTo, verdictOfInactivePod } from "@kinsync/core/contract";
import type {
  Judgement,
  KindPlugin,
  KindView,
  KubeObject,
  Pod,
  ResourceType,
  Verdict,
  WatchPlan,
} from "@kinsync/core/contract";
import { POD_INDEX, REVISION_HASH, ordinalOf, readStatefulSet } from "./fields.ts";
import { noteOf } from "./note.ts";

const STATEFUL_SETS: ResourceType = {
  group: "apps",
  version: "v1",
  kind: "StatefulSet",
  plural: "statefulsets",
  shortNames: ["sts"],
};

/** What one judgement needs of the StatefulSet, read once. */
interface Update {
  readonly root: KubeObject;
  readonly deleting: boolean;
  readonly generation: number;
  readonly observed: number;
  readonly start: number;
  readonly replicas: number;
  readonly onDelete: boolean;
  /** Counted from `start`, as the controller does. */
  readonly partition: number;
  readonly updateRevision: string | undefined;
  readonly currentRevision: string | undefined;
}

/**
 * The kind of `apps` StatefulSets.
 *
 * A pod whose `controller-revision-hash` is `status.updateRevision` is current. Others are kept where the spec says that they
 * stay (OnDelete, or below the partition), and superseded where the controller replaces them. The rule is that of
 * `updateStatefulSet` in k8s `pkg/controller/statefulset/stateful_set_control.go`.
 */
export function statefulset(): KindPlugin {
  return defineKind({ name: "statefulset", root: STATEFUL_SETS, watches, judge, roles: () => [] });
}

function watches(root: KubeObject): WatchPlan {
  return { watches: [], pods: narrowedTo(readStatefulSet(root).spec?.selector) };
}

function judge(view: KindView): Judgement {
  const update = readUpdate(view.root);
  const note = noteOf(view.root);
  return { pod: ({ pod }) => judgePod(update, pod), notes: note === undefined ? [] : [note] };
}

function readUpdate(root: KubeObject): Update {
  const { spec, status } = readStatefulSet(root);
  return {
    root,
    deleting: root.metadata.deletionTimestamp !== undefined,
    generation: root.metadata.generation ?? 0,
    observed: status?.observedGeneration ?? 0,
    start: spec?.ordinals?.start ?? 0,
    replicas: spec?.replicas ?? 1,
    onDelete: spec?.updateStrategy?.type === "OnDelete",
    partition: spec?.updateStrategy?.rollingUpdate?.partition ?? 0,
    updateRevision: status?.updateRevision,
    currentRevision: status?.currentRevision,
  };
}

function judgePod(update: Update, pod: Pod): Verdict {
  const ordinal = ordinalOf(pod);
  return {
    ...(verdictOfInactivePod(pod) ?? judgeLivePod(update, pod, ordinal)),
    ...(ordinal === undefined ? {} : { index: String(ordinal) }),
  };
}

function judgeLivePod(update: Update, pod: Pod, ordinal: number | undefined): Pick<Verdict, "state" | "reason"> {
  const { start, replicas, partition, updateRevision, currentRevision } = update;
  if (ordinal === undefined) {
    return {
      state: "helper",
      reason: {
        code: "no-ordinal",
        message: `neither its name nor the label ${POD_INDEX} has an ordinal, and the controller leaves such a pod alone`,
        evidence: { [POD_INDEX]: pod.metadata.labels?.[POD_INDEX] ?? null },
      },
    };
  }
  if (update.observed < update.generation && !update.deleting) {
    return {
      state: "unsettled",
      reason: {
        code: "generation-not-observed",
        message: `the StatefulSet has just changed; waiting for its controller (generation ${update.generation}, observed ${update.observed})`,
        evidence: { "metadata.generation": update.generation, "status.observedGeneration": update.observed },
      },
    };
  }
  if (ordinal < start || ordinal >= start + replicas) {
    const range = replicas === 0 ? "none" : `${start} to ${start + replicas - 1}`;
    return replaced(update, {
      code: "ordinal-out-of-range",
      message: `its ordinal ${ordinal} is outside those that the StatefulSet wants (${range})`,
      evidence: { ordinal, "spec.ordinals.start": start, "spec.replicas": replicas },
    });
  }
  if (updateRevision === undefined) {
    return {
      state: "unsettled",
      reason: {
        code: "update-revision-unknown",
        message: "the StatefulSet's status names no update revision yet",
        evidence: { "status.updateRevision": null },
      },
    };
  }
  // The controller takes an absent label for a revision of its own, which equals none (`getPodRevision`).
  const revision = pod.metadata.labels?.[REVISION_HASH];
  const named = revision ?? "no revision";
  const evidence = {
    [REVISION_HASH]: revision ?? null,
    "status.updateRevision": updateRevision,
    "status.currentRevision": currentRevision ?? null,
    ordinal,
  };
  if (revision === updateRevision) {
    return {
      state: "current",
      reason: { code: "at-update-revision", message: `it is of ${named}, the update revision`, evidence },
    };
  }
  if (update.onDelete) {
    return {
      state: "kept",
      reason: {
        code: "kept-on-delete",
        message: `it is of ${named}, older than ${updateRevision}, and stays until someone deletes it (OnDelete)`,
        evidence: { ...evidence, "spec.updateStrategy.type": "OnDelete" },
      },
    };
  }
  if (ordinal - start < partition) {
    const below = { ...evidence, "spec.updateStrategy.rollingUpdate.partition": partition };
    const position = start === 0 ? `ordinal ${ordinal}` : `ordinal ${ordinal} (position ${ordinal - start})`;
    return revision === currentRevision
      ? {
          state: "kept",
          reason: {
            code: "kept-by-partition",
            message: `its ${position} is below partition ${partition}, which keeps ${named} there`,
            evidence: below,
          },
        }
      : {
          state: "kept",
          reason: {
            code: "left-by-partition",
            message: `its ${position} is below partition ${partition}, so it stays, though ${named} is neither the current nor the update revision`,
            evidence: below,
          },
        };
  }
  return replaced(update, {
    code: "revision-behind",
    message: `it is of ${named}, the StatefulSet is at ${updateRevision}`,
    evidence,
  });
}

/** What the controller replaces or removes; while the StatefulSet is being deleted it does neither, and the pods go with it. */
function replaced(update: Update, reason: Verdict["reason"]): Pick<Verdict, "state" | "reason"> {
  if (!update.deleting) return { state: "superseded", reason };
  return {
    state: "terminating",
    reason: {
      ...reason,
      code: "statefulset-deleting",
      message: `the StatefulSet is being deleted, and ${reason.message}`,
    },
  };
}
