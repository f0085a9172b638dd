import type { Engine } from "@kinsync/core";
import type { Command, WaitResult } from "./protocol.ts";
import { statusOf } from "./status.ts";

const TIMEOUT_MS = 60_000;
/** The local files may take long to be read again; the wait itself goes on. */
const RESCAN_MS = 30_000;

export type WaitCommand = Extract<Command, { readonly command: "wait" }>;

/**
 * Waits until every target of the chosen workloads holds a snapshot. Ends early where a target needs the user.
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
  if (snapshot === "latest") await within(engine.commands.rescan(), Math.min(RESCAN_MS, timeout), signal);
  const wanted = new Map(
    statusOf(engine.view(), command).map((each) => [
      `${each.namespace}/${each.workload}`,
      // A gang may not be able to release the newest one.
      snapshot === "latest" ? Math.max(each.snapshot, each.gang?.snapshot ?? 0) : snapshot,
    ]),
  );
  for (;;) {
    signal.throwIfAborted();
    const changed = Promise.withResolvers<void>();
    const stop = onNext(changed.resolve);
    try {
      const left = until - performance.now();
      const answer = check(engine, command, wanted, left <= 0);
      if (answer !== undefined) return answer;
      await within(changed.promise, left, signal);
    } finally {
      stop();
    }
  }
}

function check(
  engine: Pick<Engine, "view">,
  command: WaitCommand,
  wanted: ReadonlyMap<string, number>,
  isOver: boolean,
): WaitResult | undefined {
  const workloads = statusOf(engine.view(), command).map((each) => ({
    ...each,
    wanted: wanted.get(`${each.namespace}/${each.workload}`) ?? 0,
  }));
  const all = workloads.flatMap(({ targets, wanted: number }) => targets.map((target) => ({ target, number })));
  const holds = all.filter(
    ({ target, number }) => target.status === "synced" && (target.snapshot ?? -1) >= number && number > 0,
  );
  const isEmpty = workloads.some(({ targets }) => targets.length === 0);
  if (workloads.length > 0 && !isEmpty && holds.length === all.length) return { reached: true, workloads };
  // A gang may have given up a later one, too.
  const isGivenUp = workloads.some(
    ({ gang, wanted: number }) =>
      gang !== undefined && gang.snapshot >= number && (gang.phase === "given-up" || gang.phase === "rolled-back"),
  );
  if (isGivenUp) return { reached: false, why: "given-up", workloads };
  if (all.some(({ target }) => target.status === "failed" || target.status === "halted")) {
    return { reached: false, why: "failed", workloads };
  }
  return isOver ? { reached: false, why: isEmpty ? "no-targets" : "timeout", workloads } : undefined;
}

/** Settles with the promise, after the time, or when the signal ends; never rejects. */
async function within(promise: Promise<unknown>, milliseconds: number, signal: AbortSignal): Promise<void> {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, Math.max(0, milliseconds));
  const onAbort = (): void => resolve();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await Promise.race([promise.catch(() => undefined), over]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}
