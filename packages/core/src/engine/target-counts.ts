import type { TargetStatus } from "../sync/target/status.ts";

/** What one running target adds to the counts. Equal ones are one object. */
export interface Share {
  readonly status: TargetStatus;
  /** A pass or a command is in progress. */
  readonly isBusy: boolean;
}

const shares = new Map<TargetStatus, { readonly busy: Share; readonly idle: Share }>();

export function shareOf(status: TargetStatus, isBusy: boolean): Share {
  let both = shares.get(status);
  if (both === undefined) {
    shares.set(status, (both = { busy: { status, isBusy: true }, idle: { status, isBusy: false } }));
  }
  return isBusy ? both.busy : both.idle;
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
  /** Commands that failed in running targets and have neither succeeded since nor were dismissed. */
  failedRuns = 0;
  /** Targets that have staged a candidate and wait for the other members. */
  atBarrier = 0;
  #running = 0;
  #busy = 0;

  /** Running targets with a pass or a command in progress. */
  get busy(): number {
    return this.#busy;
  }

  /** Running targets. */
  get running(): number {
    return this.#running;
  }

  /** A target came (no `before`), went (no `after`) or changed. */
  replace(before: Share | undefined, after: Share | undefined): void {
    if (before === after) return;
    this.#add(before, -1);
    this.#add(after, 1);
  }

  #add(share: Share | undefined, step: 1 | -1): void {
    if (share === undefined) return;
    this.#running += step;
    this.statuses[share.status] += step;
    if (share.isBusy) this.#busy += step;
    else if (share.status === "syncing") this.atBarrier += step;
  }
}
