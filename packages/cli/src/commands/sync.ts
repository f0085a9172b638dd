import type { Io } from "../io.ts";
import type { SyncOptions } from "../setup/options.ts";
import { runSyncing } from "./syncing.ts";

/** Brings workloads up to date once. */
export async function runSync(workloads: readonly string[], options: SyncOptions, io: Io): Promise<number> {
  const { outcome } = await runSyncing({ command: "sync", workloads, options, io });
  return outcome.exitCode;
}
