import type { Engine } from "@kinsync/core";
import { MAX_TIMER_MS } from "../setup/parse-duration.ts";
import type { Command, WaitResult, WorkloadStatus } from "./protocol.ts";
import { statusOf } from "./status.ts";

const TIMEOUT_MS = 60_000;
/** What ends without an event is noticed this much later: a command after its output, a path that became ignored. */
const LOOK_MS = 250;

export type WaitCommand = Extract<Command, { readonly command: "wait" }>;

/**
 * Waits until every target of the chosen workloads holds a snapshot and the commands that follow it have ended. Ends early where a target needs the user, and where the local files
 * wait to be released.
 * @param onNext calls back at the next event of the run. @returns ends that
 */
export async function waitForSnapshot(
  engine: Pick<Engine, "view" | "commands">,
  command: WaitCommand,
  onNext: (listener: () => void) => () => void,
  signal: AbortSignal,
): Promise<WaitResult> {
  const { snapshot = "latest", timeout = TIMEOUT_MS } = command;
  const until = performance.now() + timeout;
  // A save of this moment may not have been noticed yet.
  const isRead = snapshot !== "latest" || (await within(engine.commands.rescan(), timeout, signal));
  const wanted = new Map<string, number>();
  for (;;) {
    signal.throwIfAborted();
    const changed = Promise.withResolvers<void>();
    const stop = onNext(changed.resolve);
    try {
      const left = until - performance.now();
      const workloads = statusOf(engine.view(), command);
      if (isRead) for (const each of workloads) note(wanted, each, snapshot);
      const answer = check(
        workloads.map((each) => ({ ...each, wanted: wanted.get(keyOf(each)) ?? 0 })),
        { isOver: left <= 0, isLatest: snapshot === "latest" },
      );
      if (answer !== undefined) return answer;
      await within(changed.promise, Math.min(left, LOOK_MS), signal);
    } finally {
      stop();
    }
  }
}

function keyOf({ namespace, workload }: WorkloadStatus): string {
  return `${namespace}/${workload}`;
}

/** Remembers the wanted snapshot: the latest has a number from the moment on at which the local files are released. */
function note(wanted: Map<string, number>, status: WorkloadStatus, snapshot: number | "latest"): void {
  const key = keyOf(status);
  if (wanted.has(key)) return;
  if (snapshot !== "latest") wanted.set(key, snapshot);
  else if (status.before === undefined && status.pending === undefined) {
    // A gang may not be able to release the newest one, which may also wait behind its candidate.
    wanted.set(key, Math.max(status.snapshot, status.newest ?? 0));
  }
}

function check(
  workloads: WaitResult["workloads"],
  { isOver, isLatest }: { readonly isOver: boolean; readonly isLatest: boolean },
): WaitResult | undefined {
  const all = workloads.flatMap(({ targets, wanted }) => targets.map((target) => ({ target, wanted })));
  const isEmpty = workloads.some(({ targets }) => targets.length === 0);
  if (workloads.length > 0 && !isEmpty && all.every(({ target, wanted }) => holds(target, wanted))) {
    const end = afterwards(workloads, { isOver, isLatest });
    if (end === "later") return undefined;
    return end === undefined ? { reached: true, workloads } : { reached: false, why: end, workloads };
  }
  // A gang may have given up a later one, too.
  const isGivenUp = workloads.some(
    ({ gang, wanted: number }) =>
      gang !== undefined && gang.snapshot >= number && (gang.phase === "given-up" || gang.phase === "rolled-back"),
  );
  if (isGivenUp) return { reached: false, why: "given-up", workloads };
  if (all.some(({ target, wanted }) => needsUser(target, wanted))) return { reached: false, why: "failed", workloads };
  const isUnreleased = workloads.some(
    ({ wanted, before, pending }) => wanted === 0 && (before?.phase === "failed" || pending !== undefined),
  );
  if (isUnreleased) return { reached: false, why: "unreleased", workloads };
  return isOver ? { reached: false, why: isEmpty ? "no-targets" : "timeout", workloads } : undefined;
}

type Target = WorkloadStatus["targets"][number];

/** Whether a target holds the wanted snapshot. A command that failed does not change that. */
function holds({ status, code, snapshot = -1 }: Target, wanted: number): boolean {
  const isSynced = status === "synced" || (status === "failed" && code === "KINSYNC_RUN_FAILED");
  return isSynced && snapshot >= wanted && wanted > 0;
}

function needsUser({ status, code, snapshot = -1 }: Target, wanted: number): boolean {
  // A command that failed after an earlier snapshot may succeed after this one, which may not be released yet.
  if (code === "KINSYNC_RUN_FAILED") return wanted > 0 && snapshot >= wanted && status === "failed";
  return status === "failed" || status === "halted";
}

/** What follows a snapshot that every target holds: commands, and local paths that it should have. @returns why it is not reached */
function afterwards(
  workloads: WaitResult["workloads"],
  { isOver, isLatest }: { readonly isOver: boolean; readonly isLatest: boolean },
): WaitResult["why"] | "later" {
  const isPending = workloads.some(
    ({ targets, local = [], wanted }) =>
      targets.some(({ runs = [] }) => runs.some(({ snapshot }) => snapshot <= wanted)) ||
      local.some(({ phase, snapshot }) => phase === "running" && snapshot <= wanted),
  );
  if (isPending) return isOver ? "timeout" : "later";
  const hasFailed = workloads.some(
    ({ targets, local = [] }) =>
      local.some(({ phase }) => phase === "failed") || targets.some(({ failedRuns = [] }) => failedRuns.length > 0),
  );
  if (hasFailed) return "failed";
  // After the failures: where a failed command holds every target, `hooks.after` never runs.
  const isDue = workloads.some(({ local = [], wanted }) =>
    local.some(({ phase, snapshot }) => phase === "waiting" && snapshot <= wanted),
  );
  if (isDue) return isOver ? "timeout" : "later";
  const unread = isLatest ? workloads.flatMap((each) => each.unread ?? []) : [];
  if (unread.length === 0) return undefined;
  // Those that change faster than they can be read are read again.
  const isLasting = unread.some(({ paths }) => paths.some(({ code }) => code !== "KINSYNC_SOURCE_CHANGED"));
  return isOver || isLasting ? "unread" : "later";
}

/** Settles with the promise, after the time, or when the signal ends; never rejects. @returns whether the promise was fulfilled */
async function within(promise: Promise<unknown>, milliseconds: number, signal: AbortSignal): Promise<boolean> {
  const { promise: over, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), Math.min(Math.max(0, milliseconds), MAX_TIMER_MS));
  const onAbort = (): void => resolve(false);
  signal.addEventListener("abort", onAbort, { once: true });
  const isDone = promise.then(
    () => true,
    () => false,
  );
  try {
    return await Promise.race([isDone, over]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}
