import prettyBytes from "pretty-bytes";
import prettyMilliseconds from "pretty-ms";

/** `0 B`, `34.1 KiB`, `100 MiB`. */
export function bytes(count: number): string {
  return prettyBytes(count, { binary: true });
}

/** `8 ms`, `1.3 s`, `2 min 5 s`, `1 h 2 min`. */
export function duration(milliseconds: number): string {
  const text = prettyMilliseconds(milliseconds, { unitCount: 2, secondsDecimalDigits: milliseconds < 60_000 ? 1 : 0 });
  return text.replaceAll(
    /(\d)(ms|m|[a-z])/g,
    (_, digit: string, unit: string) => `${digit} ${unit === "m" ? "min" : unit}`,
  );
}

/** `1 file`, `3 files`. */
export function count(number: number, singular: string, plural = `${singular}s`): string {
  return `${number} ${number === 1 ? singular : plural}`;
}

/** Time of day of an event, in the local time zone: `10:42:07`. */
export function timeOfDay(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return "--:--:--";
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits).join(":");
}

/** The text with its ISO 8601 times in the local time zone: the time alone for today, else with the date. */
export function withLocalTimes(text: string, now = new Date()): string {
  return text.replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, (time) => {
    const date = new Date(time);
    const isToday = date.toDateString() === now.toDateString();
    const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()].map(twoDigits).join("-");
    return isToday ? timeOfDay(time) : `${day} ${timeOfDay(time)}`;
  });
}

function twoDigits(number: number): string {
  return String(number).padStart(2, "0");
}
