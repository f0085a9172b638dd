import type { Container, ContainerStatus, KubeObject, Pod, ResourceType } from "../contract/resource.ts";
import type { MemberState, Reason } from "../contract/kind.ts";
import type { KinsyncError } from "../errors/error.ts";

/** A workload as the user named it, completed by discovery. */
export interface WorkloadRef {
  readonly resource: ResourceType;
  readonly namespace: string;
  readonly name: string;
}

/** A container of a member as the API reports it: running, or a state with a sentence. */
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
  /** The kind gave `unsettled`; `state` is the previous state of this UID, or `unsettled` where there is none. */
  readonly unsettled: boolean;
  readonly role: string | undefined;
  readonly index: string | undefined;
  /** Further properties that mappings can select by. Empty where the kind gives none. */
  readonly labels: Readonly<Record<string, string>>;
  readonly reason: Reason;
  /** `labels`: a watch is missing, and the kind matched the pod by its labels. */
  readonly by: "owner" | "labels";
  readonly owners: readonly KubeObject[];
  readonly containers: readonly MemberContainer[];
  /**
   * Name of the container that takes files where a mapping names none: by the pod's annotation, by the kinds that judge the pod, else the
   * first that is not a sidecar. `undefined` for a pod without such a container.
   */
  readonly defaultContainer: string | undefined;
}

/** A member that came (no `before`), went (no `after`) or changed. */
export interface MemberChange {
  readonly uid: string;
  readonly before: Member | undefined;
  readonly after: Member | undefined;
}

/** The state of a workload at one moment. */
export interface Resolution {
  readonly workload: WorkloadRef;
  /** Name of the kind that judged; `undefined` where no kind supports the root and the rule is "owned and alive". */
  readonly kind: string | undefined;
  /** `undefined` while it does not exist. */
  readonly root: KubeObject | undefined;
  /**
   * Sorted by role, index (numbers as numbers), name. Sorted when it is first read, which costs a pass over all members; the
   * changes that come with a resolution do not.
   */
  readonly members: readonly Member[];
  /** Number of members. */
  readonly memberCount: number;
  /** What the user should know about the workload as a whole, most important first: suspended, paused, delegated. */
  readonly notes: readonly Reason[];
  /** The roles that the workload's spec names, whether a member has them now or not. `undefined`: its kind does not declare them. */
  readonly roles: readonly string[] | undefined;
  /** Problems that make this answer incomplete: a forbidden list, a CRD that is not installed. Empty when the answer is complete. */
  readonly problems: readonly KinsyncError[];
}

/** All notes as one reason: the code of the first, and the messages in one sentence. `undefined` where there are none. */
export function joinNotes(notes: readonly Reason[]): Reason | undefined {
  const [first, ...others] = notes;
  if (first === undefined || others.length === 0) return first;
  return { code: first.code, message: notes.map(({ message }) => message).join("; ") };
}
