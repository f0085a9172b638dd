/** Time limits of a session. */
export interface SessionTimes {
  /** Milliseconds without a sign of life while a request is open; three times as many for an inventory and for a claim. */
  readonly silenceMs: number;
  /** Milliseconds of idleness after which the agent is checked. */
  readonly idleMs: number;
  /** Milliseconds for that check. */
  readonly pingMs: number;
  /** Milliseconds to open another stream, for `run`. */
  readonly openMs: number;
  /** Milliseconds between pings of the WebSocket. */
  readonly socketPingMs: number;
}
