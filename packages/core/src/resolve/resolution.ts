import type { Container, ContainerStatus, KubeObject, Pod, ResourceType } from "../contract/resource.ts";
import type { MemberState, Reason } from "../contract/kind.ts";
import type { KinsyncError } from "../errors/error.ts";

/** A workload as it was named, made whole by discovery. */
export interface WorkloadRef {
  readonly resource: ResourceType;
  readonly namespace: string;
  readonly name: string;
}

/** A container of a member, as the API tells of it: running, or a state with a sentence. */
export interface MemberContainer {
  readonly name: string;
  readonly type: "container" | "sidecar" | "init" | "ephemeral";
  readonly image: string;
  readonly spec: Container;
  readonly status: ContainerStatus | undefined;
  /** The container ID while it runs, else `undefined`. */
  readonly runningId: string | undefined;
  /** Why it does not run, for people: `waiting: CrashLoopBackOff (back-off 40s …)`. `undefined` while it runs. */
  readonly waiting: string | undefined;
}

/** A pod that the workload owns, judged. */
export interface Member {
  readonly pod: Pod;
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly state: MemberState;
  /** The kind could not tell just now; `state` is the last answer for this UID, or `unsettled` where there was none. */
  readonly unsettled: boolean;
  readonly role: string | undefined;
  readonly index: string | undefined;
  readonly reason: Reason;
  /** `labels`: a middle kind may not be read, and the kind took the pod by its labels. */
  readonly by: "owner" | "labels";
  readonly owners: readonly KubeObject[];
  readonly containers: readonly MemberContainer[];
}

/** A member that came (no `before`), went (no `after`) or changed. */
export interface MemberChange {
  readonly uid: string;
  readonly before: Member | undefined;
  readonly after: Member | undefined;
}

/** What is known of a workload at one moment. */
export interface Resolution {
  readonly workload: WorkloadRef;
  /** Name of the kind that judged; `undefined` where no kind claims the root and the rule is "owned and alive". */
  readonly kind: string | undefined;
  /** `undefined` while it does not exist. */
  readonly root: KubeObject | undefined;
  /**
   * Sorted by role, index (numbers as numbers), name. Sorted when it is first read, which costs a pass over all members; the
   * changes that come with a resolution do not.
   */
  readonly members: readonly Member[];
  /** How many members there are. */
  readonly memberCount: number;
  /** What the kind says of the workload as a whole: suspended, paused, delegated. */
  readonly note: Reason | undefined;
  /** Trouble that the answer suffers from: a forbidden list, a CRD that is not installed. Empty when all is well. */
  readonly problems: readonly KinsyncError[];
}
