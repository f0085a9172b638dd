import type { SummaryEvent } from "./events.ts";
import type { TargetCounts } from "./target-counts.ts";

/** The state of a workload in numbers. */
export function summaryOf(
  of: Pick<SummaryEvent, "workload" | "namespace" | "members"> & {
    readonly localFailures: number;
    readonly unread: number;
  },
  targets: Pick<TargetCounts, "statuses" | "running" | "notRunning" | "failedRuns">,
): SummaryEvent {
  const { workload, namespace, members, localFailures, unread } = of;
  const { synced, failed, halted, stale, waiting, syncing, accepted } = targets.statuses;
  return {
    event: "summary",
    time: new Date().toISOString(),
    workload,
    namespace,
    members,
    targets: targets.running,
    synced,
    failed,
    halted,
    // Targets that are not known to be finished are out of date.
    stale: stale + waiting + syncing + accepted,
    waiting: targets.notRunning,
    failedRuns: targets.failedRuns + localFailures,
    unread,
  };
}
