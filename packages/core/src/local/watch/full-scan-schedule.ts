/** Shortest time between two full scans where events are missing. */
const POLL_MS = 1_000;
/** A full scan takes at most one tenth of the time. */
const POLL_PER_SCAN_COST = 10;

/** When everything is scanned again although no event reports a change: seldom, or every second where events are missing. */
export class FullScanSchedule {
  readonly #safetyMs: number;
  #lastScanAt = Date.now();
  #scanCostMs = 0;
  #isPolling = false;

  /** @param safetyMs time between full scans where events arrive */
  constructor(safetyMs: number) {
    this.#safetyMs = safetyMs;
  }

  get isPolling(): boolean {
    return this.#isPolling;
  }

  startPolling(): void {
    this.#isPolling = true;
  }

  recordScan(costMs: number): void {
    this.#lastScanAt = Date.now();
    this.#scanCostMs = costMs;
  }

  get isDue(): boolean {
    const ageMs = Math.abs(Date.now() - this.#lastScanAt);
    if (ageMs >= this.#safetyMs) return true;
    return this.#isPolling && ageMs >= Math.max(POLL_MS, POLL_PER_SCAN_COST * this.#scanCostMs);
  }
}
