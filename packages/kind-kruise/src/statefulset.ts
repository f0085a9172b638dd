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
import { KEYS, keptByPartition, leavingReason, notesOf, readWorkload, replaced, unseenReason } from "./fields.ts";
import { readOrdinals, type Ordinals } from "./ordinals.ts";

const STATEFUL_SETS: RootType = {
  group: "apps.kruise.io",
  version: "v1beta1",
  kind: "StatefulSet",
  plural: "statefulsets",
  shortNames: ["asts"],
};

/** What one judgement needs of the StatefulSet, read once. */
interface Update {
  readonly root: KubeObject;
  readonly unseen: Reason | undefined;
  readonly wanted: string;
  readonly ordinals: Ordinals;
  readonly kept: number;
  readonly old: number;
  readonly isUnordered: boolean;
  readonly isOnDelete: boolean;
  readonly isPaused: boolean;
}

/**
 * The kind of Advanced StatefulSets. As for a StatefulSet of Kubernetes, with holes in the ordinals (`reserveOrdinals`) and an unordered
 * update, in which the partition keeps any pods instead of those of the lowest ordinals (kruise `pkg/controller/statefulset/stateful_set_utils.go`).
 */
export function advancedstatefulset(): KindPlugin {
  return defineKind({
    name: "kruise-statefulset",
    root: STATEFUL_SETS,
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
  const wanted = status?.updateRevision ?? "";
  const { type, rollingUpdate = {} } = spec?.updateStrategy ?? {};
  const ordinals = readOrdinals(spec ?? {});
  const isOld = (pod: Pod): boolean => isPodActive(pod) && pod.metadata.labels?.[KEYS.revision] !== wanted;
  const update: Update = {
    root,
    unseen: unseenReason(root),
    wanted,
    ordinals,
    kept: keptByPartition(rollingUpdate.partition, spec?.replicas ?? 1),
    old: pods.filter(({ pod }) => isOld(pod) && rankOf(ordinals, ordinalOf(pod)) !== undefined).length,
    isUnordered: rollingUpdate.unorderedUpdate !== undefined,
    isOnDelete: type === "OnDelete",
    isPaused: rollingUpdate.paused === true,
  };
  return {
    pod: ({ pod }) => {
      const ordinal = ordinalOf(pod);
      return {
        ...(verdictOfInactivePod(pod) ?? judgeLivePod(update, pod, ordinal)),
        ...(ordinal === undefined ? {} : { index: String(ordinal) }),
      };
    },
    notes: notesOf(root, update.kept, update.isPaused),
  };
}

function ordinalOf({ metadata }: Pod): number | undefined {
  const text = metadata.labels?.[KEYS.podIndex] ?? /-(\d+)$/.exec(metadata.name)?.[1];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

function rankOf(ordinals: Ordinals, ordinal: number | undefined): number | undefined {
  return ordinal === undefined ? undefined : ordinals.rankOf(ordinal);
}

function judgeLivePod(update: Update, pod: Pod, ordinal: number | undefined): Pick<Verdict, "state" | "reason"> {
  const { root, unseen, wanted, ordinals } = update;
  const leaving = leavingReason(pod);
  if (leaving !== undefined) return { state: "terminating", reason: leaving };
  if (unseen !== undefined) return { state: "unsettled", reason: unseen };
  const revision = pod.metadata.labels?.[KEYS.revision];
  const evidence = { [KEYS.revision]: revision ?? null, "status.updateRevision": wanted, ordinal: ordinal ?? null };
  const rank = rankOf(ordinals, ordinal);
  if (rank === undefined) {
    const message =
      ordinal === undefined ? "it has no ordinal" : `its ordinal ${ordinal} is not one that the StatefulSet wants`;
    return replaced(root, { code: "ordinal-not-wanted", message, evidence });
  }
  if (revision === wanted) {
    return {
      state: "current",
      reason: { code: "at-update-revision", message: `it is of ${wanted}, the update revision`, evidence },
    };
  }
  const named = `it is of ${revision ?? "no revision"}, older than ${wanted}`;
  const why = keptBecause(update, rank);
  if (why !== undefined)
    return { state: "kept", reason: { code: why.code, message: `${named}${why.message}`, evidence } };
  return replaced(root, { code: "revision-behind", message: named, evidence });
}

/**
 * The partition keeps the lowest of the wanted ordinals (`sortPodsToUpdate`, kruise `pkg/controller/statefulset/stateful_update_utils.go`).
 * @param rank place of the pod's ordinal among the wanted ones
 */
function keptBecause(update: Update, rank: number): Pick<Reason, "code" | "message"> | undefined {
  const { isOnDelete, isPaused, isUnordered, kept, old } = update;
  if (isOnDelete) return { code: "kept-on-delete", message: ", and stays until someone deletes it (OnDelete)" };
  if (isPaused) return { code: "kept-while-paused", message: ", and the update is paused" };
  if (isUnordered) {
    return old <= kept
      ? { code: "kept-by-partition", message: `, and the partition keeps ${kept} such pods` }
      : undefined;
  }
  return rank < kept
    ? { code: "kept-by-partition", message: `, and the partition keeps the pods of the lowest ${kept} ordinals` }
    : undefined;
}
