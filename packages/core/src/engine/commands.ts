import type { KindEntry } from "../plugins/host.ts";
import type { ResolvedWorkload } from "./resolved-workload.ts";
import type { WorkloadChanges } from "./workload-changes.ts";

/** Commands for a running engine. Before `run` and after its end they have no effect. */
export interface EngineCommands {
  /** Scans all local files again; settles when their state is known. */
  rescan(): Promise<void>;
  /** Retries at once every target that failed or waits for its next attempt. */
  trigger(): void;
  /** Takes back at once every target that another run of kinsync took. Without it, a run continues there when the other one has ended. */
  reclaim(): void;
  /**
   * Allows the deletes that halt this mapping now, and tries again. Other deletes, later ones included, halt again.
   * @param mapping id as in the event `halted`. Default: all mappings
   */
  allowDeletes(mapping?: string): void;
  /**
   * Replaces the workloads of the run. Those whose settings are equal continue with their sessions; the others start, restart or end.
   * Settles when the former sessions of restarted and stopped workloads are closed. Calls run one after the other.
   * @param kinds from now on; a workload that another kind judges than before, or whose children one judges, restarts. Default: no change
   */
  setWorkloads(workloads: readonly ResolvedWorkload[], kinds?: readonly KindEntry[]): Promise<WorkloadChanges>;
}

/** What an engine provides for its commands. */
export interface Commandable {
  rescan(): Promise<void>;
  retryNow(): void;
  reclaim(): void;
  allowDeletes(mapping?: string): void;
}

/**
 * The commands for the workloads that run now.
 * @param onReclaim called before targets are taken back
 */
export function engineCommands(
  running: () => readonly Commandable[],
  setWorkloads: EngineCommands["setWorkloads"],
  onReclaim: () => void,
): EngineCommands {
  return {
    async rescan() {
      await Promise.all(running().map((each) => each.rescan()));
    },
    trigger() {
      for (const each of running()) each.retryNow();
    },
    reclaim() {
      onReclaim();
      for (const each of running()) each.reclaim();
    },
    allowDeletes(mapping) {
      for (const each of running()) each.allowDeletes(mapping);
    },
    setWorkloads,
  };
}
