import type { ClusterConnection } from "../../contract/cluster.ts";
import type { KindPlugin } from "../../contract/kind.ts";
import type { KubeObject, ResourceType } from "../../contract/resource.ts";
import type { ReflectorPool } from "../../kube/reflector-pool.ts";
import type { KindEntry } from "../../plugins/host.ts";
import type { MemberChange, Resolution, WorkloadRef } from "../resolution.ts";

export interface WorkloadWatchOptions {
  readonly cluster: ClusterConnection;
  readonly reflectors: ReflectorPool;
  readonly ref: WorkloadRef;
  /**
   * The root as the caller has just read it: what it owns is listed together with it, a round trip earlier. Nothing is reported of it before
   * the root is listed. Default: not read.
   */
  readonly root?: KubeObject | undefined;
  /** `undefined` where no kind supports the root: the rule is "owned and alive". */
  readonly kind: KindPlugin | undefined;
  /**
   * All kinds: they judge the children that a kind delegates, and are loaded when such a child appears. A function is
   * called for each child: a run may exchange kinds that no child has needed.
   */
  readonly kinds: readonly KindEntry[] | (() => readonly KindEntry[]);
  readonly signal: AbortSignal;
  /**
   * How long `ready` waits for an owner kind that owner references name, once for its discovery and once for its list; later
   * answers still count. Concerns roots without a kind. Milliseconds. Default: 2,000.
   */
  readonly ownerKindWaitMs?: number;
  /**
   * Called when anything differs from the last resolution, never within `watchWorkload` itself. Before `ready` only where there
   * is a problem to report; such a resolution has no members. `changes` names exactly the members that came, went or changed
   * since the last call, one entry per member: all of them at first. It is empty where only root, notes or problems changed.
   */
  readonly onResolution?: (resolution: Resolution, changes: readonly MemberChange[]) => void;
}

/** A workload under watch, until it is disposed or its signal ends. */
export interface WorkloadWatch extends AsyncDisposable {
  readonly current: Resolution | undefined;
  /** The first answer for which every watch was listed, or is known to be unavailable. Rejects with the signal's reason. */
  readonly ready: Promise<Resolution>;
  /** The objects that the root currently owns between itself and the pods. */
  readonly owned: readonly KubeObject[];
  /** Whether a kind of this resource judges the workload or one of its children, or would if it were loaded. */
  isJudgedBy(resource: ResourceType): boolean;
  /** An object that is watched for this workload, by UID. */
  object(uid: string): KubeObject | undefined;
}
