/** The largest delay that a timer of Node takes: 24 days. A larger one fires at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Milliseconds of `30s`, `500ms`, `2m` or `1h`; `undefined` for anything else, and for zero. */
export function durationMs(text: string): number | undefined {
  const [, count, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text.trim()) ?? [];
  const milliseconds = Number(count) * (UNITS_MS[unit ?? ""] ?? 0);
  return milliseconds > 0 ? milliseconds : undefined;
}
