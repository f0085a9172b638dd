import type { TransportCapabilities } from "../../contract/capabilities.ts";
import type { HostedSession, ReceiptNote, SessionFacts } from "../../contract/session.ts";
import type { KinsyncError } from "../../errors/error.ts";
import type { ResolvedAction } from "../../mapping/action.ts";
import type { ResolvedMapping } from "../../mapping/mapping.ts";
import type { StepResult } from "../actions/runner.ts";
import type { ActionTurns } from "../actions/turns.ts";
import type { ArchivePool } from "../archive/archive-pool.ts";
import type { Deletes } from "./deletes.ts";
import type { DeliveryStats } from "./deliver.ts";
import type { DesiredRoot, DesiredState } from "./desired-state.ts";
import type { ClaimedRoots, Claimant } from "./first-contact.ts";
import type { TargetStatus } from "./status.ts";

/** What a worker reports. */
export interface WorkerListener {
  onStatus(status: TargetStatus, reason: string, error: KinsyncError | undefined): void;
  /** A mapped root holds its desired tree. `duration`: milliseconds since the tree settled, or since the worker began. */
  onSynced(root: DesiredRoot, snapshot: number, stats: DeliveryStats, duration: number): void;
  /** A commit of a mapped root is about to be sent: what it holds is not known until `onDelivered`. */
  onDelivering(root: DesiredRoot): void;
  /** A mapped root holds its desired tree, by this target's own commit or inventory. `changed`: paths relative to `from`. */
  onDelivered(root: DesiredRoot, changed: readonly string[]): void;
  /** The files that another target wrote are visible here. */
  onShared(root: DesiredRoot): void;
  /** The files that another target wrote are not visible here: the two do not share them. */
  onApart(root: DesiredRoot): void;
  /** A pass failed or halted, or another run owns the target. */
  onFailure(error: KinsyncError): void;
  /** The run that owned the target has ended and left it. */
  onReleased(): void;
  onRetry(error: KinsyncError, delay: number): void;
  onProgress(root: DesiredRoot, sent: number, total: number): void;
  /** A step of an action ended. */
  onRun(action: ResolvedAction, step: StepResult): void;
  /** A pass found that the target holds this snapshot; the commands that are due have begun. */
  onLanded(snapshot: number): void;
  /** Other commands than before have not succeeded after a change in this mapping. `paths`: one for each, as in `Batch.owed`. */
  onOwed(mapping: string, paths: readonly string[]): void;
  /** A mapped root gets nothing until the user consents to deletes. Reported at each attempt. */
  onDeletes(root: DesiredRoot, error: KinsyncError, deletes: Deletes): void;
  /** Something about a mapped root that the user should know. */
  onNote(code: string, text: string): void;
  /** A receipt reports what the target cannot have: a mode, an owner, a time. */
  onReceiptNote(note: ReceiptNote): void;
  /** A session began. The desired state may depend on what it found; `update` may be called from here. */
  onSession(facts: SessionFacts): void;
  /** Called after every change of `status`, `idle` or `snapshot`. */
  onChange(): void;
}

export interface WorkerOptions {
  /** `pod/NAME, container NAME`, for messages. */
  readonly name: string;
  readonly desired: DesiredState;
  /** A snapshot to prepare that is not released yet; `undefined` where there is none. */
  readonly candidate?: DesiredState | undefined;
  readonly claimant: Claimant;
  /** The mapped roots that this run has claimed. It outlives the worker. */
  readonly claimed: ClaimedRoots;
  readonly archives: ArchivePool;
  /** What the transport of a mapping can do. */
  capabilities(mapping: ResolvedMapping): TransportCapabilities;
  /** Whether the user allowed deletes of files that kinsync did not create. */
  mayDelete(root: DesiredRoot, paths: readonly string[]): boolean;
  /** Opens a session by the transport of a mapping, for the mappings that it serves. Called again after a session ended. */
  open(
    mapping: ResolvedMapping,
    serves: (mapping: ResolvedMapping) => boolean,
    signal: AbortSignal,
  ): Promise<HostedSession>;
  /** The commands that are due after these paths changed, each with one of the paths. Relative to the `from` of their mappings. */
  actionsDue(changed: Iterable<string>): ReadonlyMap<ResolvedAction, string>;
  /** The restart by `kinsync wrapper` that this target takes part in. `undefined`: none. */
  readonly wrapped?: ResolvedAction | undefined;
  /** For actions that depend on other targets. `undefined`: none does. */
  readonly turns?: ActionTurns | undefined;
  /** Whether commands may start now: false while other targets commit the same snapshot. */
  mayAct(): boolean;
  /** What the marker of this root should owe: `onOwed` of all targets that have the same files. */
  owed(root: DesiredRoot): readonly string[];
  readonly listener: WorkerListener;
  /** Bytes from which a root has a session of its own. Default: 32 MiB. */
  readonly largeRootBytes?: number;
  /** Bytes from which the files for a root that holds nothing are staged while it is claimed. Default: 256 KiB. */
  readonly presumedBytes?: number;
  /** Bytes from which a file is delivered in the background, after everything else of its root. Default: 4 MiB. */
  readonly largeFileBytes?: number;
  /** The target is a member of a gang: what a snapshot changes in a root is committed at one moment. Default: `false`. */
  readonly isGang?: boolean;
  /** Milliseconds between attempts. Default: 250 to 30,000. */
  readonly retry?: { readonly min: number; readonly max: number };
}
