import ms, { type StringValue } from "ms";

/** The largest delay of a timer: 24 days. A larger one would fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** Parses `90`, `90s`, `2m`, `500ms`, `1h` into milliseconds; bare numbers are seconds. `undefined` for anything else. */
export function parseDuration(text: string): number | undefined {
  const trimmed = text.trim();
  // `ms` would take a bare number as milliseconds, and a negative one.
  if (!/^\d/.test(trimmed)) return undefined;
  const withUnit = /^[\d.]+$/.test(trimmed) ? `${trimmed}s` : trimmed;
  // Its types leave out that it returns `undefined` for a text that it cannot read.
  const parsed: number | undefined = ms(withUnit as StringValue);
  return parsed;
}
