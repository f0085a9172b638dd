import type { TargetStatus } from "../sync/target/status.ts";
import type { Worker } from "../sync/target/worker.ts";

interface Share {
  readonly status: TargetStatus;
  readonly isBusy: boolean;
}

/** One object for each pair of status and busy. */
const shares = new Map<string, Share>();

function shareOf(status: TargetStatus, isBusy: boolean): Share {
  const key = `${status} ${isBusy}`;
  let share = shares.get(key);
  if (share === undefined) shares.set(key, (share = { status, isBusy }));
  return share;
}

/** How many targets have which status. Counted along with the changes: one target's change costs one target. */
export class TargetCounts {
  readonly statuses: Record<TargetStatus, number> = {
    waiting: 0,
    syncing: 0,
    accepted: 0,
    synced: 0,
    stale: 0,
    failed: 0,
    halted: 0,
  };
  /** Containers that should hold files and do not run. */
  notRunning = 0;
  /** Commands that failed so far. */
  failedRuns = 0;
  /** What each worker adds to the counts. */
  readonly #shares = new Map<Worker, Share>();
  #busy = 0;

  /** Running targets with a pass or a command in progress. */
  get busy(): number {
    return this.#busy;
  }

  /** Running targets. */
  get running(): number {
    return this.#shares.size;
  }

  /** Counts a worker as it is now. */
  update(worker: Worker): void {
    this.remove(worker);
    // A stale target waits for its next attempt: nothing is in progress.
    const share = shareOf(worker.status, !worker.idle && worker.status !== "stale");
    this.#shares.set(worker, share);
    this.statuses[share.status] += 1;
    if (share.isBusy) this.#busy += 1;
  }

  remove(worker: Worker): void {
    const share = this.#shares.get(worker);
    if (share === undefined) return;
    this.#shares.delete(worker);
    this.statuses[share.status] -= 1;
    if (share.isBusy) this.#busy -= 1;
  }
}
