import type { Member, MemberContainer } from "../../resolve/resolution.ts";
import type { BatchEntry, HostedSession, Marker, Origin } from "../../contract/transport.ts";
import type { MemberState } from "../../contract/state.ts";
import type { ErrorCode } from "../../errors/codes.ts";

/** Why a part of a plan could not be made. */
export interface PlanProblem {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
}

/** One entry that a sync would write or delete. */
export interface PlannedEntry {
  readonly op: BatchEntry["op"];
  /** POSIX path in the container: absolute where its working directory is known. */
  readonly path: string;
  /** Bytes of file content; 0 for all but files. */
  readonly bytes: number;
  /** The type of an existing entry that it replaces. */
  readonly replaces?: "file" | "link" | "directory";
}

/** What a sync would do in one mapped root of one container. */
export interface PlannedRoot {
  /** Id of the mapping. */
  readonly mapping: string;
  /** Local path, as the user wrote it. */
  readonly from: string;
  /** POSIX path in the container. */
  readonly to: string;
  /** In the order of execution. */
  readonly written: readonly PlannedEntry[];
  readonly deleted: readonly PlannedEntry[];
  /** Bytes of file content that would be sent. */
  readonly bytes: number;
  /** Container paths among the deletes, and replaced ones, that need consent: other programs created them, or a run from another folder. */
  readonly needsConsent: readonly string[];
  /** Where the files there came from, if a run from another folder placed them. */
  readonly origin?: Origin;
  /** The object of the cluster that a sync would change: `configmap:ml/settings`. Missing where it changes none. */
  readonly changesObject?: string;
  /** The container that writes these files for this one, because both have the same volume. Then the lists are empty. */
  readonly through?: string;
  /** What the container says of the last run of kinsync that wrote there. Missing where none did. */
  readonly marker?: Marker;
  /** Digest of the tree that the local files make here: the same as `marker.tree` where that run wrote these files. */
  readonly tree: string;
  /** Nothing was compared: `initial: trust` assumes that the container is up to date. */
  readonly isTrusted?: true;
  readonly problem?: PlanProblem;
}

/** One container that should hold files. */
export interface PlannedTarget {
  readonly pod: string;
  readonly uid: string;
  readonly container: string;
  readonly role?: string;
  readonly index?: string;
  /** `planned`; `waiting`: the container does not run; `failed`: it cannot be read, or nothing may be written. */
  readonly status: "planned" | "waiting" | "failed";
  /** Why it is waiting or failed. */
  readonly reason?: string;
  readonly problem?: PlanProblem;
  /** What would run in the container. */
  readonly agent?: string;
  readonly roots: readonly PlannedRoot[];
  /** Commands that would run afterwards, as typed in a shell. */
  readonly commands: readonly string[];
}

/** A local path that no container gets. */
export interface LeftOut {
  /** Id of the mapping. */
  readonly mapping: string;
  /** Relative to `from`, POSIX; a folder ends in a slash and stands for everything in it. */
  readonly path: string;
  /** The rule that excludes it, and where it is written: `*.log (.gitignore:3)`. */
  readonly rule: string;
}

/** The local files of one mapping. */
export interface PlannedSource {
  readonly mapping: string;
  readonly from: string;
  readonly to: string;
  /** Entries: files, folders and links. */
  readonly entries: number;
  readonly bytes: number;
  /** Why nothing of it would be sent. */
  readonly halted?: string;
  /** Local paths of it that cannot be read, so that no container would get them. They are among the problems. Missing: none. */
  readonly unread?: number;
}

/** A member that gets no files, and why. */
export interface PlannedOther {
  readonly pod: string;
  readonly state: MemberState;
  readonly reason: string;
}

/** What a sync of one workload would do. */
export interface PlannedWorkload {
  /** As the user named it. */
  readonly workload: string;
  readonly namespace: string;
  readonly kind: string;
  /** Notes of the kind about the workload. */
  readonly notes: readonly string[];
  /** Obstacles to finding all members, and mappings that select a container that does not exist. */
  readonly problems: readonly PlanProblem[];
  readonly sources: readonly PlannedSource[];
  readonly targets: readonly PlannedTarget[];
  /** Members that no mapping selects. */
  readonly others: readonly PlannedOther[];
  readonly leftOut: readonly LeftOut[];
}

/** A container whose session is open, for a closer look. */
export interface OpenTarget {
  readonly member: Member;
  readonly container: MemberContainer;
  /** Of its first mapping. Closed by the plan. */
  readonly session: HostedSession;
  readonly roots: readonly PlannedRoot[];
  readonly signal: AbortSignal;
}
