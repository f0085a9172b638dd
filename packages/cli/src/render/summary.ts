import type { SummaryEvent } from "@kinsync/core";
import type { Paint } from "./color.ts";
import { count } from "./units.ts";
import type { PrefixOf } from "./workload-names.ts";

/** `5 of 5 targets in step`, or what is not. */
export function formatSummary(summary: SummaryEvent, paint: Paint, prefixOf: PrefixOf): string {
  const { targets, synced, stale, failed, halted, waiting, failedRuns } = summary;
  const troubles = [
    ...(failed > 0 ? [paint("red", `${failed} failed`)] : []),
    ...(stale > 0 ? [paint("yellow", `${stale} behind`)] : []),
    ...(halted > 0 ? [paint("yellow", `${halted} halted`)] : []),
    ...(waiting > 0 ? [`${waiting} waiting for a container`] : []),
    ...(failedRuns > 0 ? [paint("red", count(failedRuns, "command failed", "commands failed"))] : []),
  ];
  const all = targets > 0 && synced === targets;
  const head = `${synced} of ${count(targets, "target")} in step`;
  return `${prefixOf(summary)}${all ? paint("green", head) : head}${troubles.length === 0 ? "" : `: ${troubles.join(", ")}`}`;
}
