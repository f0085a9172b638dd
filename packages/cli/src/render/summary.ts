import type { SummaryEvent } from "@kinsync/core";
import type { Paint } from "./color.ts";
import { statusWord } from "./status.ts";
import { count } from "./units.ts";
import type { PrefixOf } from "./workload-names.ts";

/** `5 of 5 containers up to date`, or what is not. */
export function formatSummary(summary: SummaryEvent, paint: Paint, prefixOf: PrefixOf): string {
  const { targets, synced, stale, failed, halted, waiting, failedRuns, unread } = summary;
  const problems = [
    ...(failed > 0 ? [statusWord("failed", paint, failed)] : []),
    ...(stale > 0 ? [statusWord("stale", paint, stale)] : []),
    ...(halted > 0 ? [statusWord("halted", paint, halted)] : []),
    ...(waiting > 0 ? [`${waiting} waiting to start`] : []),
    ...(failedRuns > 0 ? [paint("red", count(failedRuns, "command failed", "commands failed"))] : []),
    ...(unread > 0 ? [paint("red", formatUnread(unread))] : []),
  ];
  return `${prefixOf(summary)}${formatReach(synced, targets, paint)}${problems.length === 0 ? "" : `: ${problems.join(", ")}`}`;
}

/** `1 local path cannot be read`. */
export function formatUnread(unread: number): string {
  return `${count(unread, "local path", "local paths")} cannot be read`;
}

/** How many of the running containers that a sync rule selects are up to date. */
export function formatReach(synced: number, targets: number, paint: Paint): string {
  if (targets === 0) return "nothing to sync to, no running container matches";
  const text = `${synced} of ${count(targets, "container")} up to date`;
  return synced === targets ? paint("green", text) : text;
}
