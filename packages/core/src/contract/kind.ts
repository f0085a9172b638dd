import type { KubeObject, Pod, ResourceType } from "./resource.ts";
import { ELIGIBLE_STATES, type MemberState } from "./state.ts";
import { CONTRACT } from "./version.ts";

export type { MemberState } from "./state.ts";

/** Why a kind gives an answer: for programs (`code`, `evidence`) and for people (`message`). */
export interface Reason {
  /** Kebab-case and stable, such as `restart-attempt-behind`. */
  readonly code: string;
  /** One sentence without a full stop, such as `its Job belongs to attempt 0; the current one is 1`. */
  readonly message: string;
  /** The values that were compared: labels, annotations, status fields, UIDs. */
  readonly evidence?: Readonly<Record<string, string | number | boolean | null>>;
}

/** A kind's answer for one pod. */
export interface Verdict {
  /** What the pod is to the workload. */
  readonly state: MemberState;
  /** The name that a user gives a part of the workload: a JobSet's replicatedJob, `leader`, `canary`. */
  readonly role?: string;
  /** Stable place among the members of its role; `JOB/POD` where there are two levels. */
  readonly index?: string;
  /** Further properties that mappings can select by, such as `{ side: "active" }` or `{ group: "3" }`. Default: none. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Why. */
  readonly reason: Reason;
}

/** One list-and-watch that a kind needs besides the root itself and `pods`, which are always watched. */
export interface Watch {
  /** What is listed and watched, in the namespaces of the root. */
  readonly resource: ResourceType;
  /** Narrows the list (`app=web`). It never decides ownership: UIDs do. */
  readonly labelSelector?: string;
  /**
   * Which owner references lead from an object of this resource to its owner: the one with `controller: true`, or any.
   * Default: `controller`.
   */
  readonly owner?: "controller" | "any";
  /** Request `PartialObjectMetadata` only. Default: `false`. */
  readonly metadataOnly?: boolean;
  /** Continue without it if it may not be read or is not installed; `view.missing` then names it. Default: `false`. */
  readonly optional?: boolean;
  /** Keep only what `judge` reads. Called once per arriving object. Default: the object without managedFields. */
  readonly project?: (object: KubeObject) => KubeObject;
  /**
   * The root's objects of this resource are judged by the loaded kind of that resource; `view.rule` gives its answers. The host watches
   * what that kind watches, for each such child, while the child exists: with that kind's selectors, projection, default container,
   * infrastructure and matching by labels. Excludes `metadataOnly` and `project`. Default: `false`.
   */
  readonly delegate?: boolean;
}

/** An object that the root's spec names and that the root does not own: a RayJob's selected RayCluster, a TrainJob's runtime. */
export interface Reference {
  /** Its resource. */
  readonly resource: ResourceType;
  /** In the root's namespace, or cluster-scoped where the resource is. */
  readonly name: string;
  /** Request `PartialObjectMetadata` only. Default: `false`. */
  readonly metadataOnly?: boolean;
  /** Continue without it if it may not be read or is not installed; `view.missing` then names it. Default: `false`. */
  readonly optional?: boolean;
  /** Keep only what `judge` reads. Default: the object without managedFields. */
  readonly project?: (object: KubeObject) => KubeObject;
}

/** Everything that a kind watches for one workload. */
export interface WatchPlan {
  /** The objects between root and pods. */
  readonly watches: readonly Watch[];
  /**
   * Narrows the pods. `delegated`: the root owns no pods but those of delegated children, so that only what their kinds watch is watched.
   * Default: every pod of the namespace, owned through `controller: true`.
   */
  readonly pods?: { readonly labelSelector?: string; readonly owner?: "controller" | "any" } | "delegated";
  /** Objects that the root names and does not own; they appear in `view.referred`. Default: none. */
  readonly refers?: readonly Reference[];
}

/** A pod that the root owns, by the walk along owner UIDs. */
export interface OwnedPod {
  /** The pod itself. */
  readonly pod: Pod;
  /** The objects between pod and root, nearest first; empty where the root owns the pod itself. */
  readonly owners: readonly KubeObject[];
  /** `labels` only where a watch is missing and the kind's `matchesByLabels` matched the pod by its labels. */
  readonly by: "owner" | "labels";
}

/** The answers of another kind about one child of the root. They never throw: a kind that fails gives `unsettled`. */
export interface ChildRule {
  /** Name of that kind. */
  readonly kind: string;
  /** The verdict for a pod below the child, given as the parent got it. */
  readonly pod: (owned: OwnedPod) => Verdict;
  /** What that kind reports about the child as a whole; each message begins with the child's name. */
  readonly notes: readonly Reason[];
  /** Roles that the child's spec names. */
  readonly roles: readonly string[];
}

/** What a kind sees of one workload. Frozen; sorted by UID, so that the order of events cannot matter. */
export interface KindView {
  /** The workload itself. */
  readonly root: KubeObject;
  /** Every object that the root owns through the kind's own `watches`, directly or not. */
  readonly owned: readonly KubeObject[];
  /** Only for kinds that must count over the whole set (`judgesSet`); empty for others. */
  readonly pods: readonly OwnedPod[];
  /** Optional watches and references that are not available in this cluster. */
  readonly missing: readonly ResourceType[];
  /** The objects of the plan's `refers` that exist. */
  readonly referred: readonly KubeObject[];
  /**
   * The rule of the loaded kind for a child whose watch has `delegate: true`. `undefined` for any other object, and where no loaded kind
   * serves the child; the host reports the latter.
   */
  readonly rule: (child: KubeObject) => ChildRule | undefined;
}

/** A rule prepared for one state of root and owned objects. */
export interface Judgement {
  /**
   * The verdict for one pod. Pure. Called for each owned pod whenever root or owned objects changed, and for one pod alone when
   * only that pod did: prepare what is common in `judge`, so that this is cheap.
   */
  readonly pod: (owned: OwnedPod) => Verdict;
  /**
   * What the user should know about the workload as a whole, most important first: suspended, paused, managed by another cluster.
   * Default: the notes of all delegated children.
   */
  readonly notes?: readonly Reason[];
}

/** The resource of a kind's roots. */
export interface RootType extends ResourceType {
  /** Further versions that the kind reads, in order of preference after `version`. Default: none. */
  readonly versions?: readonly string[];
}

/** The ownership semantics of one root kind. Data plus pure, synchronous functions without I/O and without memory. */
export interface KindPlugin {
  /** Version of the contract that it was built for, such as `2.0`; see `isCompatible`. */
  readonly contract: string;
  /** Set by `defineKind`. */
  readonly type: "kind";
  /** Unique among the loaded kinds: `jobset`. */
  readonly name: string;
  /** What it cannot work without, from `FEATURES`. A host that lacks one refuses the kind by that name. Default: nothing. */
  readonly needs?: readonly string[];
  /** The resource of the workloads that the kind is for. */
  readonly root: RootType;
  /** What to watch for this root. Called again when the root changes. */
  readonly watches: (root: KubeObject) => WatchPlan;
  /** Pure and synchronous: the same objects give the same answer. A throw is reported with the kind's name. */
  readonly judge: (view: KindView) => Judgement;
  /** `true` where one pod's verdict depends on the other pods. Default: `false`. */
  readonly judgesSet?: boolean;
  /** With a watch missing: does this pod belong to the root by its labels alone? Default: no pod does. */
  readonly matchesByLabels?: (root: KubeObject, pod: Pod) => boolean;
  /**
   * Container that takes files where neither the user nor the pod's annotation names one. A name that is in `infrastructure` is ignored.
   * Default: the first that is not a sidecar.
   */
  readonly defaultContainer?: (pod: Pod) => string | undefined;
  /** Names of containers that are infrastructure and never chosen by default. */
  readonly infrastructure?: readonly string[];
  /** For cluster-scoped roots: the namespaces that hold its objects. Default: only the namespace of the command is watched. */
  readonly namespaces?: (root: KubeObject) => readonly string[];
  /** The roles that the root's spec names, whether a pod has them now or not. Default: not known. */
  readonly roles?: (root: KubeObject) => readonly string[];
}

/** A kind as its author writes it. */
export type KindDefinition = Omit<KindPlugin, "contract" | "type">;

/** Stamps a kind with the version of the contract and freezes it. The check at load reads version and shape, never the class. */
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
 * The verdict of the delegated child that owns the pod; of several along the pod's owners, the one nearest to the root. `undefined`
 * where the pod is not below a delegated child. Where the child, or an owner between it and the root, is being deleted in the
 * foreground, a pod that would get files is `terminating` (`owner-deleting`): it goes with its owner.
 */
export function delegatedVerdict(view: Pick<KindView, "rule">, owned: OwnedPod): Verdict | undefined {
  let going: KubeObject | undefined;
  for (const owner of owned.owners.toReversed()) {
    if (owner.metadata.deletionTimestamp !== undefined) going ??= owner;
    const rule = view.rule(owner);
    if (rule !== undefined) return goingWith(going, rule.pod(owned));
  }
  return undefined;
}

function goingWith(owner: KubeObject | undefined, verdict: Verdict): Verdict {
  const { deletionTimestamp, name, uid } = owner?.metadata ?? {};
  const wouldStay = ELIGIBLE_STATES.includes(verdict.state) || verdict.state === "unsettled";
  if (owner === undefined || deletionTimestamp === undefined || !wouldStay) return verdict;
  const message = `its ${owner.kind} ${name} is being deleted, and the pod goes with it`;
  const evidence = { "owner.metadata.uid": uid ?? null, "owner.metadata.deletionTimestamp": deletionTimestamp };
  return { ...verdict, state: "terminating", reason: { code: "owner-deleting", message, evidence } };
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
