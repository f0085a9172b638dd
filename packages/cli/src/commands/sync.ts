import type { SummaryEvent } from "@kinsync/core";
import { EXIT } from "../exit-code.ts";
import type { Io } from "../io.ts";
import type { SyncOptions } from "../setup/options.ts";
import { runSyncing } from "./syncing.ts";

/** Brings workloads up to date once. */
export async function runSync(workload: string | undefined, options: SyncOptions, io: Io): Promise<number> {
  return exitCodeOfSummaries(await runSyncing({ command: "sync", workload, options, io }));
}

/** What a script may conclude from how a run ended. */
export function exitCodeOfSummaries(summaries: readonly SummaryEvent[]): number {
  const isBehind = summaries.some(
    ({ targets, synced, failedRuns }) => (targets > 0 && synced < targets) || failedRuns > 0,
  );
  if (isBehind) return EXIT.behind;
  if (summaries.some(({ targets, halted }) => targets === 0 && halted > 0)) return EXIT.behind;
  if (summaries.some(({ targets }) => targets === 0)) return EXIT.nothing;
  // A container that should hold the files and does not run is not in step, whoever is to blame.
  return summaries.some(({ waiting }) => waiting > 0) ? EXIT.behind : EXIT.done;
}
