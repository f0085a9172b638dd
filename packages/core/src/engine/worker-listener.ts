import type { SessionFacts } from "../contract/session.ts";
import type { KinsyncError } from "../errors/error.ts";
import type { TargetStatus } from "../sync/target/status.ts";
import type { WorkerListener } from "../sync/target/worker.ts";
import { namesOf, tenths, type TargetNames, type WorkloadEmitter } from "./emit.ts";
import type { PlaceMember } from "./places/member.ts";
import type { Places } from "./places/places.ts";
import type { TargetCounts } from "./target-counts.ts";
import type { TargetEntry } from "./target-entry.ts";

export interface WorkerListenerOptions {
  readonly entry: TargetEntry;
  readonly member: PlaceMember;
  readonly places: Places;
  readonly emitter: WorkloadEmitter;
  readonly targets: TargetCounts;
  /** Only for a worker that is still registered: an ended worker does not report. */
  readonly isCurrent: () => boolean;
  /** Pushes the desired state, which depends on what a session found. */
  readonly push: () => void;
  /** A count changed. */
  readonly onChange: () => void;
}

/** Turns what a worker reports into events, counts and the state of its places. */
export function workerListener(options: WorkerListenerOptions): WorkerListener {
  const { entry, member, places, emitter, targets, isCurrent } = options;
  const names = (): TargetNames => namesOf(entry.eligible.member, entry.eligible.container.name);
  return {
    onStatus: (status, reason, error) => {
      if (!isCurrent()) return;
      emitStatus(emitter, names(), { status, reason, error, snapshot: entry.worker?.snapshot });
      places.status(member.key, status, reason, error);
    },
    onSynced: (root, snapshot, stats, duration) => {
      if (!isCurrent()) return;
      entry.files = stats.files + stats.deleted;
      entry.duration = duration;
      const mapping = root.mapping.id;
      const standing = places.standing(member.key, mapping);
      emitter.emit({
        event: "synced",
        ...names(),
        mapping,
        snapshot,
        ...stats,
        duration: tenths(duration),
        ...(standing === undefined || standing.sharedWith === 0
          ? {}
          : { place: standing.id, sharedWith: standing.sharedWith }),
        ...(standing?.follows === undefined ? {} : { through: standing.follows.leader }),
      });
    },
    onDelivering: (root) => {
      if (isCurrent()) places.delivering(member.key, root.mapping.id);
    },
    onDelivered: (root, changed) => {
      if (isCurrent()) places.delivered(member.key, root.mapping.id, root.tree.digest, changed);
    },
    onShared: (root) => {
      if (isCurrent()) places.proved(member.key, root.mapping.id);
    },
    onApart: (root) => {
      if (isCurrent()) places.apart(member.key, root.mapping.id);
    },
    onFailure: (error) => {
      if (isCurrent()) places.failed(member.key, error);
    },
    onRetry: ({ code, message, hint }, delay) => {
      if (isCurrent()) emitter.emit({ event: "retry", ...names(), code, reason: message, hint, delay });
    },
    onProgress: (root, sent, total) => {
      if (isCurrent()) emitter.emit({ event: "progress", ...names(), mapping: root.mapping.id, sent, total });
    },
    onRun: (action, result) => {
      if (!isCurrent()) return;
      if ("code" in result || result.exitCode !== 0) targets.failedRuns += 1;
      emitter.run(names(), action, result);
    },
    onSession: (facts) => {
      if (isCurrent()) onSession(options, facts);
    },
    onChange: () => {
      if (!isCurrent()) return;
      if (entry.worker !== undefined) targets.update(entry.worker);
      options.onChange();
    },
  };
}

function onSession({ entry, member, places, push }: WorkerListenerOptions, facts: SessionFacts): void {
  const { incarnation, workingDirectory } = facts;
  places.opened(member.key, incarnation);
  if (workingDirectory === undefined || entry.workingDirectory === workingDirectory) return;
  entry.workingDirectory = workingDirectory;
  push();
}

interface StatusChange {
  readonly status: TargetStatus;
  readonly reason: string;
  readonly error: KinsyncError | undefined;
  readonly snapshot: number | undefined;
}

function emitStatus(
  emitter: WorkloadEmitter,
  names: TargetNames,
  { status, reason, error, snapshot }: StatusChange,
): void {
  emitter.emit({ event: "target", ...names, status, reason, ...(snapshot === undefined ? {} : { snapshot }) });
  if (error === undefined) return;
  const { code, message, hint } = error;
  if (status === "failed") emitter.emit({ event: "failed", ...names, code, reason: message, hint });
  if (status === "halted") {
    const { pod, uid, container } = names;
    emitter.emit({ event: "halted", pod, uid, container, code, reason: message, hint });
  }
}
