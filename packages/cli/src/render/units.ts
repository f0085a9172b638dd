import prettyBytes from "pretty-bytes";
import prettyMilliseconds from "pretty-ms";

/** `0 B`, `34.1 KiB`, `100 MiB`. */
export function bytes(count: number): string {
  return prettyBytes(count, { binary: true });
}

/** `8ms`, `1.3s`, `2m 5s`, `1h 2m`. */
export function duration(milliseconds: number): string {
  return prettyMilliseconds(milliseconds, { unitCount: 2, secondsDecimalDigits: milliseconds < 60_000 ? 1 : 0 });
}

/** `1 file`, `3 files`. */
export function count(number: number, singular: string, plural = `${singular}s`): string {
  return `${number} ${number === 1 ? singular : plural}`;
}
