/** A moment with nanoseconds, which `Date` does not have. */
export interface Stamp {
  /** Since 1970. */
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** RFC 3339 with up to nine digits of a second, as container runtimes write it: in UTC, or in the time zone of the node. */
const STAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;

/** The moment that a text names; `undefined` for any other text. */
export function readStamp(text: string): Stamp | undefined {
  const [, date, fraction = "", zone] = STAMP.exec(text) ?? [];
  if (date === undefined || zone === undefined) return undefined;
  const time = Date.parse(`${date}${zone}`);
  if (Number.isNaN(time)) return undefined;
  return { seconds: time / 1000, nanoseconds: Number(fraction.padEnd(9, "0")) };
}

/** Negative if the first one is earlier; 0 for the same moment. */
export function compareStamps(one: Stamp, other: Stamp): number {
  return one.seconds - other.seconds || one.nanoseconds - other.nanoseconds;
}
