import { EXIT } from "../exit-code.ts";
import type { Io } from "../io.ts";
import type { SyncOptions } from "../setup/options.ts";
import { runSyncing } from "./syncing.ts";

/** Keeps workloads up to date until Ctrl-C. */
export async function runUp(workloads: readonly string[], options: SyncOptions, io: Io): Promise<number> {
  await runSyncing({ command: "up", workloads, options, io });
  return EXIT.done;
}
