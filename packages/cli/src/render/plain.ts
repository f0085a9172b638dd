import type { EngineEvent } from "@kinsync/core";
import type { Output } from "../io.ts";
import type { Paint } from "./color.ts";
import { formatEvent } from "./lines.ts";
import { formatTransfer, Transfers } from "./progress.ts";
import type { Reporter } from "./reporter.ts";
import { formatSummary } from "./summary.ts";
import { clean } from "./text.ts";
import { timeOfDay } from "./units.ts";
import { createPrefix, NO_PREFIX } from "./workload-names.ts";

/** Milliseconds between two lines about transfers that take long. */
const PROGRESS_EVERY_MS = 5_000;

/** Lines, for logs and pipes. */
export function createPlainReporter(
  output: Output,
  paint: Paint,
  now: () => number = () => performance.now(),
): Reporter {
  const transfers = new Transfers(now);
  let prefixOf = NO_PREFIX;
  let shownAt = now();

  /** Reason of the last attempt, by target. */
  const retries = new Map<string, string>();
  /** Reason of the last failure, by target. */
  const failures = new Map<string, string>();
  /** Output of each command that failed last. */
  const outputs = new Map<string, string>();
  /** UIDs of the members that have a line. */
  const known = new Set<string>();

  /** Lines that wait while somebody else writes. */
  let held: string[] | undefined;
  let free: PromiseWithResolvers<void> | undefined;

  function line(text: string): void {
    if (held === undefined) output.write(`${text}\n`);
    else held.push(text);
  }
  /** What a failed command printed, once and not for each container that prints the same. */
  function withNewOutput(event: EngineEvent): EngineEvent {
    if (event.event !== "run" || event.ok) return event;
    const isSame = outputs.get(event.command) === event.output;
    outputs.set(event.command, event.output);
    return isSame ? { ...event, output: "" } : event;
  }
  /** The next step of a failure, once and not after each save that fails in the same way. */
  function withNewHint(event: EngineEvent): EngineEvent {
    if (event.event === "target" && event.status === "synced") failures.delete(`${event.uid}/${event.container}`);
    if (event.event !== "failed") return event;
    const key = `${event.uid}/${event.container}`;
    const isSame = failures.get(key) === event.reason;
    failures.set(key, event.reason);
    return isSame ? { ...event, hint: "" } : event;
  }
  /** Each attempt that fails for the reason of the one before says nothing new. */
  function isRepeated(event: EngineEvent): boolean {
    if (event.event === "member") return event.previous === undefined && known.has(event.uid) && event.state !== "gone";
    const key = "uid" in event && "container" in event ? `${event.uid}/${event.container}` : "";
    if (event.event === "synced") retries.delete(key);
    if (event.event !== "retry") return false;
    const isSame = retries.get(key) === event.reason;
    retries.set(key, event.reason);
    return isSame;
  }
  return {
    start: ({ command, lines }) => {
      for (const each of lines) line(`${paint("bold", command)} ${clean(each)}`);
    },
    cluster: (context, server, namespace) =>
      line(`context ${clean(context)} (${clean(server)}), namespace ${clean(namespace)}`),
    note: (text) => line(`${paint("cyan", "note")}: ${clean(text)}`),
    event: (event) => {
      if (event.event === "progress") {
        transfers.progress(event);
        if (now() - shownAt < PROGRESS_EVERY_MS) return;
        shownAt = now();
        const time = paint("dim", timeOfDay(event.time));
        for (const transfer of transfers.view().slice(0, 5)) line(`${time}  ${formatTransfer(transfer)}`);
        return;
      }
      if ("uid" in event && "container" in event && event.uid !== undefined && event.container !== undefined) {
        transfers.end({ uid: event.uid, container: event.container });
      }
      const isOld = isRepeated(event);
      if (event.event === "member") known.add(event.uid);
      if (isOld) return;
      const text = formatEvent(withNewHint(withNewOutput(event)), { paint, prefixOf });
      if (text !== undefined) line(`${paint("dim", timeOfDay(event.time))}  ${text}`);
    },
    log: (text) => {
      line(text);
      return free?.promise;
    },
    prepare: async () => undefined,
    attach: (_run, workloads) => {
      prefixOf = createPrefix(workloads);
    },
    rename: (workloads) => {
      prefixOf = createPrefix(workloads);
    },
    hold: () => {
      held ??= [];
      free ??= Promise.withResolvers();
    },
    release: () => {
      const lines = held ?? [];
      held = undefined;
      for (const each of lines) line(each);
      free?.resolve();
      free = undefined;
    },
    end: (summaries) => {
      for (const summary of summaries) line(formatSummary(summary, paint, prefixOf));
    },
    abandon: () => undefined,
  };
}
