import type { ReceiptNote } from "../contract/session.ts";
import { isKinsyncError, type KinsyncError } from "../errors/error.ts";
import type { Member } from "../resolve/resolution.ts";
import type { EligibleContainer } from "../resolve/select/eligible.ts";
import type { StepResult } from "../sync/actions/runner.ts";
import type { Deletes } from "../sync/target/deletes.ts";
import type { DeliveryStats } from "../sync/target/deliver.ts";
import type { TargetStatus } from "../sync/target/status.ts";
import type { ResolvedAction } from "../mapping/action.ts";
import { stepReason } from "./actions/failed-runs.ts";
import type { EngineEvent, MappingChange } from "./events.ts";
import type { Origin } from "./history.ts";
import type { HoldReason, PendingChanges } from "./release.ts";
import type { Standing } from "./places/standing.ts";
import { diffTrees } from "../mapping/tree.ts";
import type { Snapshot, SnapshotChange } from "./snapshot.ts";
import { basename } from "node:path";

/** An event without the fields that all events of one workload share. */
type EventInput = EngineEvent extends infer Event
  ? Event extends EngineEvent
    ? Omit<Event, "time" | "workload" | "namespace">
    : never
  : never;

/** How events name a target. */
export interface TargetNames {
  readonly pod: string;
  readonly uid: string;
  readonly role?: string;
  readonly index?: string;
  readonly container: string;
}

/** A mapped root that was brought up to date. */
export interface SyncedRoot {
  /** Id of the mapping. */
  readonly mapping: string;
  readonly snapshot: number;
  readonly stats: DeliveryStats;
  /** Milliseconds. */
  readonly duration: number;
  /** Where the root lands, and who else has it. */
  readonly standing: Pick<Standing, "id" | "sharedWith" | "follows"> | undefined;
}

/** Limit of paths in one event. */
const MAX_PATHS = 20;

/** How events name a member's container. */
export function namesOf(member: Member, container: string): TargetNames {
  return { ...memberNames(member), container };
}

function memberNames(member: Member): Omit<TargetNames, "container"> {
  return {
    pod: member.name,
    uid: member.uid,
    ...(member.role === undefined ? {} : { role: member.role }),
    ...(member.index === undefined ? {} : { index: member.index }),
  };
}

/** Stamps and emits the events of one workload. */
export class WorkloadEmitter {
  readonly #workload: string;
  readonly #namespace: string;
  readonly #onEvent: (event: EngineEvent) => void;
  /** Notes that were emitted; each is emitted once. */
  readonly #notes = new Set<string>();
  /** The same for notes about one target, by target and code. */
  readonly #targetNotes = new Set<string>();

  constructor(workload: string, namespace: string, onEvent: (event: EngineEvent) => void) {
    this.#workload = workload;
    this.#namespace = namespace;
    this.#onEvent = onEvent;
  }

  emit(input: EventInput): void {
    this.#onEvent({
      ...input,
      time: new Date().toISOString(),
      workload: this.#workload,
      namespace: this.#namespace,
    });
  }

  /** Emits a note the first time. */
  note(code: string, reason: string, hint?: string): void {
    const key = `${code}\0${reason}`;
    if (this.#notes.has(key)) return;
    this.#notes.add(key);
    this.emit({ event: "note", code, reason, ...(hint === undefined ? {} : { hint }) });
  }

  /** Emits a note of a transport about one target: the first of each code. */
  targetNote({ key, target }: Pick<EligibleContainer, "key" | "target">, { code, message }: ReceiptNote): void {
    const known = `${key}\0${code}`;
    if (target === undefined || this.#targetNotes.has(known)) return;
    this.#targetNotes.add(known);
    this.emit({ event: "note", code, reason: `pod/${target.pod}, container ${target.container}: ${message}` });
  }

  /** What all targets have in common; also where it was reported before. */
  sharedFailure({ code, message, hint }: KinsyncError): void {
    this.emit({ event: "note", code, reason: message, hint });
  }

  problem({ code, message, hint }: KinsyncError): void {
    this.note(code, message, hint);
  }

  /** Mappings whose files may no longer be sent, or may be sent again. */
  halts(changes: readonly SnapshotChange[]): void {
    for (const { mapping, before, after } of changes) {
      const { id, fromText } = mapping;
      if (after.halted !== undefined && after.halted !== before?.halted) {
        this.emit({ event: "halted", mapping: id, reason: after.halted });
      } else if (after.halted === undefined && before?.halted !== undefined && before.tree !== undefined) {
        this.emit({ event: "resumed", mapping: id, reason: `${fromText} has content again` });
      }
    }
  }

  /** A mapped root of a target holds a snapshot. */
  synced(names: TargetNames, { mapping, snapshot, stats, duration, standing }: SyncedRoot): void {
    const { id, sharedWith = 0, follows } = standing ?? {};
    this.emit({
      event: "synced",
      ...names,
      mapping,
      snapshot,
      ...stats,
      duration: tenths(duration),
      ...(id === undefined || sharedWith === 0 ? {} : { place: id, sharedWith }),
      ...(follows === undefined ? {} : { through: follows.leader }),
    });
  }

  /** The error that explains the new status of a target. */
  failure(names: TargetNames, status: TargetStatus, { code, message, hint }: KinsyncError): void {
    if (status === "failed") this.emit({ event: "failed", ...names, code, reason: message, hint });
    // Deletes that need consent were reported with their mapping.
    if (status === "halted" && code !== "KINSYNC_TARGET_DELETES") {
      const { pod, uid, container } = names;
      this.emit({ event: "halted", pod, uid, container, code, reason: message, hint });
    }
  }

  /** A member came, went, or its state, role or reason differs. */
  member(before: Member | undefined, after: Member | undefined): void {
    if (after === undefined) {
      if (before === undefined) return;
      this.emit({
        event: "member",
        ...memberNames(before),
        state: "gone",
        previous: before.state,
        code: "gone",
        reason: "the pod was deleted, or is no longer owned by the workload",
      });
      return;
    }
    const isSame =
      before?.state === after.state && before.reason.code === after.reason.code && before.role === after.role;
    if (isSame) return;
    this.emit({
      event: "member",
      ...memberNames(after),
      state: after.state,
      ...(before === undefined || before.state === after.state ? {} : { previous: before.state }),
      code: after.reason.code,
      reason: after.reason.message,
    });
  }

  snapshot(
    snapshot: Snapshot,
    changes: readonly SnapshotChange[],
    { origin, of }: { readonly origin: Origin; readonly of: number | undefined },
  ): void {
    const mappings = changes.flatMap(mappingChange);
    const trees = snapshot.mappings.flatMap(({ tree }) => tree ?? []);
    this.emit({
      event: "snapshot",
      snapshot: snapshot.number,
      files: trees.reduce((sum, { files }) => sum + files, 0),
      bytes: trees.reduce((sum, { bytes }) => sum + bytes, 0),
      changed: mappings.reduce((sum, { changed }) => sum + changed, 0),
      paths: mappings.flatMap(({ paths }) => paths).slice(0, MAX_PATHS),
      mappings,
      origin,
      ...(of === undefined ? {} : { of }),
    });
  }

  /** Local changes wait, or no longer do. */
  pending(why: HoldReason | undefined, pending: PendingChanges | undefined): void {
    const { changed = 0, paths = [] } = pending ?? {};
    this.emit({ event: "pending", ...(why === undefined ? {} : { why }), changed, paths });
  }

  /** A mapped root of a target waits for consent to deletes. */
  deletes({ pod, uid, container }: TargetNames, mapping: string, error: KinsyncError, deletes: Deletes): void {
    const { code, message: reason, hint } = error;
    const { paths, bytes, origin } = deletes;
    this.emit({
      event: "halted",
      mapping,
      pod,
      uid,
      container,
      code,
      reason,
      hint,
      deletes: {
        count: paths.length,
        bytes,
        paths: paths.slice(0, MAX_PATHS),
        ...(origin === undefined ? {} : { origin }),
      },
    });
  }

  /** A step of an action ended in a target. */
  run(names: TargetNames, action: ResolvedAction, step: StepResult): void {
    const { name, text: command, result, ok } = step;
    const more = {
      ...(name === "run" ? {} : { step: name }),
      ...(action.showOutput === true ? { showOutput: true } : {}),
    };
    const reason = stepReason(action, step);
    if (isKinsyncError(result)) {
      this.emit({ event: "run", ...names, command, ok, output: "", duration: 0, reason, ...more });
      return;
    }
    this.emit({
      event: "run",
      ...names,
      command,
      ...(result.exitCode === undefined ? {} : { exitCode: result.exitCode }),
      ok,
      output: result.output,
      duration: tenths(result.duration),
      reason,
      ...more,
    });
  }
}

/** Milliseconds with one decimal. */
export function tenths(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10;
}

function mappingChange({ mapping, before, after }: SnapshotChange): MappingChange[] {
  const { tree } = after;
  if (tree === undefined) return [];
  const changed = diffTrees(before?.tree, tree);
  if (changed.length === 0 && before?.tree !== undefined) return [];
  const { id, from, fromText, to } = mapping;
  // A single file has its container's name in the tree, and its local name for people.
  const paths = tree.shape === "file" ? changed.map(() => basename(from)) : changed.slice(0, MAX_PATHS);
  return [{ mapping: id, from: fromText, to, files: tree.files, bytes: tree.bytes, changed: changed.length, paths }];
}
