import { CONTRACT } from "./version.ts";
import type { KubeObject, Pod, ResourceType } from "./resource.ts";

/**
 * What a kind says of a member.
 *
 * `current`: of the root's present revision or attempt, and alive. `kept`: an older revision that the root's spec keeps on
 * purpose (partition, OnDelete, the stable side of a canary). `superseded`: alive, but of a revision or attempt that the
 * controller is replacing. `terminating`: `deletionTimestamp` is set. `finished`: phase Succeeded or Failed. `helper`: owned,
 * but no part of the workload's work. `unsettled`: cannot be told yet; the engine then keeps the last answer that it had for
 * that pod UID, and has none if there was none.
 */
export type MemberState = "current" | "kept" | "superseded" | "terminating" | "finished" | "helper" | "unsettled";

/** Why a kind says so: for programs (`code`, `evidence`) and for people (`message`). */
export interface Reason {
  /** Kebab-case and stable, such as `restart-attempt-behind`. */
  readonly code: string;
  /** One sentence without a full stop, such as `its Job is of attempt 0, the JobSet is at 1`. */
  readonly message: string;
  /** What was compared: labels, annotations, status fields, UIDs. */
  readonly evidence?: Readonly<Record<string, string | number | boolean | null>>;
}

/** A kind's answer for one pod. */
export interface Verdict {
  readonly state: MemberState;
  /** The name that a user gives a part of the workload: a JobSet's replicatedJob, `leader`, `canary`. */
  readonly role?: string;
  /** Stable place among its role's members; `JOB/POD` where there are two levels. */
  readonly index?: string;
  readonly reason: Reason;
}

/** One list-and-watch that a kind needs besides the root itself and `pods`, which are always watched. */
export interface Watch {
  readonly resource: ResourceType;
  /** Narrows the list (`app=web`). It never decides ownership: UIDs do. */
  readonly labelSelector?: string;
  /**
   * Which owner references lead from an object of this resource to its owner: the one with `controller: true`, or any.
   * Default: `controller`.
   */
  readonly owner?: "controller" | "any";
  /** Ask for `PartialObjectMetadata` only. Default: `false`. */
  readonly metadataOnly?: boolean;
  /** Go on without it where it may not be read or is not installed; the view names it in `missing`. Default: `false`. */
  readonly optional?: boolean;
  /** Keep only what `judge` reads. Called once per arriving object. Default: the object without managedFields. */
  readonly project?: (object: KubeObject) => KubeObject;
}

/** Everything that a kind watches for one workload: `pods` narrows the pods, `watches` are the objects between. */
export interface WatchPlan {
  readonly watches: readonly Watch[];
  /** Default: every pod of the namespace, owned through `controller: true`. */
  readonly pods?: { readonly labelSelector?: string; readonly owner?: "controller" | "any" };
}

/** A pod that the walk by UID found to be the root's. */
export interface OwnedPod {
  readonly pod: Pod;
  /** The objects between pod and root, nearest first; empty where the root owns the pod itself. */
  readonly owners: readonly KubeObject[];
  /** `labels` only where a watch is missing and the kind's `claims` took the pod by its labels. */
  readonly by: "owner" | "labels";
}

/** What a kind sees of one workload. Frozen; sorted by UID, so that the order of events cannot matter. */
export interface KindView {
  readonly root: KubeObject;
  /** Every object between root and pods that the root owns, directly or not. */
  readonly owned: readonly KubeObject[];
  /** Only for kinds that must count over the whole set (`judgesSet`); empty for others. */
  readonly pods: readonly OwnedPod[];
  /** Optional watches that cannot be had here. */
  readonly missing: readonly ResourceType[];
}

/** A rule made ready for one state of root and owned objects. */
export interface Judgement {
  /**
   * The verdict for one pod. Pure. Called for each owned pod whenever root or owned objects changed, and for one pod alone when
   * only that pod did: prepare what is common in `judge`, so that this is cheap.
   */
  readonly pod: (owned: OwnedPod) => Verdict;
  /** What is to be said of the workload as a whole: suspended, paused, delegated to another cluster. */
  readonly note?: Reason;
}

/** The ownership semantics of one root kind. Data plus pure, synchronous functions; it does no I/O and remembers nothing. */
export interface KindPlugin {
  readonly contract: typeof CONTRACT;
  readonly type: "kind";
  /** Unique among the loaded kinds: `jobset`. */
  readonly name: string;
  readonly root: ResourceType;
  /** What to watch for this root. Asked again when the root changes. */
  readonly watches: (root: KubeObject) => WatchPlan;
  /** Pure and synchronous: the same objects give the same answer. A throw is reported with the kind's name. */
  readonly judge: (view: KindView) => Judgement;
  /** `true` where one pod's verdict depends on the other pods. Default: `false`. */
  readonly judgesSet?: boolean;
  /** With a watch missing: is this pod the root's by its labels alone? Default: no pod is. */
  readonly claims?: (root: KubeObject, pod: Pod) => boolean;
  /** Container that takes files where neither the user nor the pod's annotation names one. Default: the first that is no sidecar. */
  readonly defaultContainer?: (pod: Pod) => string | undefined;
  /** Containers that are infrastructure and never taken by default, by name. */
  readonly infrastructure?: readonly string[];
}

/** A kind as its author writes it. */
export type KindDefinition = Omit<KindPlugin, "contract" | "type">;

/** Stamps a kind with the contract number and freezes it. The check at load reads the number and the shape, never the class. */
export function defineKind(kind: KindDefinition): KindPlugin {
  return Object.freeze({ ...kind, contract: CONTRACT, type: "kind" as const });
}

/** "Alive" as the controllers test it (`IsPodActive`, k8s `pkg/controller/controller_utils.go`). */
export function isPodActive(pod: Pod): boolean {
  return (
    pod.status?.phase !== "Succeeded" && pod.status?.phase !== "Failed" && pod.metadata.deletionTimestamp === undefined
  );
}

/**
 * The verdict that holds for every kind when a pod is not alive: `terminating` or `finished`; `undefined` for a live pod.
 * Call it first and add role and index.
 */
export function verdictOfInactivePod(pod: Pod): Pick<Verdict, "state" | "reason"> | undefined {
  if (pod.metadata.deletionTimestamp !== undefined) {
    return {
      state: "terminating",
      reason: {
        code: "pod-terminating",
        message: "the pod is being deleted",
        evidence: { "metadata.deletionTimestamp": pod.metadata.deletionTimestamp },
      },
    };
  }
  if (isPodActive(pod)) return undefined;
  const phase = pod.status?.phase ?? "Unknown";
  return {
    state: "finished",
    reason: { code: "pod-finished", message: `the pod has ended: ${phase}`, evidence: { "status.phase": phase } },
  };
}
