import { defineKind, narrowedTo, isPodActive, verdictOfInactivePod } from "@kinsync/core/contract";
import type {
  Judgement,
  KindPlugin,
  KindView,
  KubeObject,
  Pod,
  Reason,
  RootType,
  Verdict,
  WatchPlan,
} from "@kinsync/core/contract";
import {
  hashOf,
  isPreparingDelete,
  KEYS,
  keptByPartition,
  leavingReason,
  notesOf,
  readWorkload,
  replaced,
  unseenReason,
} from "./fields.ts";

const CLONE_SETS: RootType = {
  group: "apps.kruise.io",
  version: "v1alpha1",
  versions: ["v1beta1"],
  kind: "CloneSet",
  plural: "clonesets",
  shortNames: ["clone"],
};

/** What one judgement needs of the CloneSet, read once. */
interface Update {
  readonly root: KubeObject;
  readonly unseen: Reason | undefined;
  readonly wanted: string;
  /** How many pods the partition keeps at older revisions, and how many there are. */
  readonly kept: number;
  readonly old: number;
  readonly isOnDelete: boolean;
  readonly isPaused: boolean;
}

/**
 * The kind of CloneSets. An update in place changes the label of a pod that keeps its UID and age, so only the label counts. The partition is
 * the number of pods that stay old, whichever they are (kruise `pkg/controller/cloneset/{sync,utils}`).
 */
export function cloneset(): KindPlugin {
  return defineKind({
    name: "cloneset",
    needs: ["versions"],
    root: CLONE_SETS,
    watches,
    judge,
    judgesSet: true,
    roles: () => [],
  });
}

function watches(root: KubeObject): WatchPlan {
  return { watches: [], pods: narrowedTo(readWorkload(root).spec?.selector) };
}

function judge({ root, pods }: KindView): Judgement {
  const { spec, status } = readWorkload(root);
  const wanted = hashOf(status?.updateRevision ?? "");
  const { type, rollingUpdate, ...strategy } = spec?.updateStrategy ?? {};
  const { partition, paused = false } = { ...strategy, ...rollingUpdate };
  const update: Update = {
    root,
    unseen: unseenReason(root),
    wanted,
    kept: keptByPartition(partition, spec?.replicas ?? 1),
    // `calculateDiffsWithExpectation`, kruise `pkg/controller/cloneset/sync/cloneset_sync_utils.go`
    old: pods.filter(({ pod }) => isPodActive(pod) && !isPreparingDelete(pod) && revisionOf(pod) !== wanted).length,
    isOnDelete: type === "OnDelete",
    isPaused: paused,
  };
  return {
    pod: ({ pod }) => {
      const instance = pod.metadata.labels?.[KEYS.instance];
      return {
        ...(verdictOfInactivePod(pod) ?? judgeLivePod(update, pod)),
        ...(instance === undefined || instance === "" ? {} : { index: instance }),
      };
    },
    notes: notesOf(root, update.kept, paused),
  };
}

function revisionOf({ metadata }: Pod): string | undefined {
  const revision = metadata.labels?.[KEYS.revision];
  return revision === undefined ? undefined : hashOf(revision);
}

function judgeLivePod(update: Update, pod: Pod): Pick<Verdict, "state" | "reason"> {
  const { root, unseen, wanted, kept, old, isOnDelete, isPaused } = update;
  const leaving = leavingReason(pod) ?? listedReason(root, pod);
  if (leaving !== undefined) return { state: "terminating", reason: leaving };
  if (unseen !== undefined) return { state: "unsettled", reason: unseen };
  const revision = revisionOf(pod);
  const evidence = {
    [KEYS.revision]: pod.metadata.labels?.[KEYS.revision] ?? null,
    "status.updateRevision": wanted,
    "pods of older revisions": old,
  };
  if (revision === wanted) {
    return {
      state: "current",
      reason: { code: "at-update-revision", message: `it is of ${wanted}, the update revision`, evidence },
    };
  }
  const named = `it is of ${revision ?? "no revision"}, older than ${wanted}`;
  if (isOnDelete) {
    const message = `${named}, and stays until someone deletes it (OnDelete)`;
    return { state: "kept", reason: { code: "kept-on-delete", message, evidence } };
  }
  if (isPaused) {
    return {
      state: "kept",
      reason: { code: "kept-while-paused", message: `${named}, and the update is paused`, evidence },
    };
  }
  if (old <= kept) {
    const message = `${named}, and the partition keeps ${kept} such ${kept === 1 ? "pod" : "pods"}`;
    return {
      state: "kept",
      reason: { code: "kept-by-partition", message, evidence: { ...evidence, "pods that the partition keeps": kept } },
    };
  }
  const which = kept === 0 ? "" : `; the partition keeps ${kept} of ${old} such pods, and which ones is not known`;
  return replaced(root, { code: "revision-behind", message: `${named}${which}`, evidence });
}

function listedReason(root: KubeObject, { metadata: { name } }: Pod): Reason | undefined {
  if (readWorkload(root).spec?.scaleStrategy?.podsToDelete?.includes(name) !== true) return undefined;
  return {
    code: "pod-to-delete",
    message: "the spec lists it among the pods to delete",
    evidence: { "spec.scaleStrategy.podsToDelete": name },
  };
}
