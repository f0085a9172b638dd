/** What one check found. */
export interface Finding {
  /** What was checked: `login`, `rights`, `container`, ... */
  readonly area: string;
  /** `warn`: kinsync works, and something is not as it could be; `fail`: a sync would fail. */
  readonly status: "ok" | "warn" | "fail";
  /** Object and state, as one sentence without a full stop. */
  readonly message: string;
  /** The next step; of `warn` and `fail`. */
  readonly hint?: string;
}

export function ok(area: string, message: string): Finding {
  return { area, status: "ok", message };
}

export function warn(area: string, message: string, hint: string): Finding {
  return { area, status: "warn", message, hint };
}

export function fail(area: string, message: string, hint: string): Finding {
  return { area, status: "fail", message, hint };
}
