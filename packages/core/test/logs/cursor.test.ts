import { expect, test } from "vitest";
import { LogCursor } from "../../src/logs/cursor.ts";
import { readStamp, type Stamp } from "../../src/logs/stamp.ts";

/** `12.5` is half a second after 12:00:12. */
function stampOf(seconds: number): Stamp {
  const [whole = "", fraction = "0"] = String(seconds).split(".");
  const stamp = readStamp(`2026-01-31T12:00:${whole.padStart(2, "0")}.${fraction}Z`);
  if (stamp === undefined) throw new Error(`not a stamp: ${seconds}`);
  return stamp;
}

/** What a reader gets of a file, if its stream breaks after these numbers of lines. */
function read(file: readonly number[], breaks: readonly number[], cursor = new LogCursor()): number[] {
  const got: number[] = [];
  for (const length of [...breaks, file.length]) {
    const since = cursor.open();
    const from = since === undefined ? 0 : (readStamp(since)?.seconds ?? 0);
    // As the kubelet: every line of that second or later, in the order of the file.
    const stream = file.slice(0, length).filter((each) => stampOf(each).seconds >= from);
    for (const line of stream) if (cursor.take(stampOf(line))) got.push(line);
  }
  return got;
}

const FILES: readonly (readonly [name: string, file: readonly number[]])[] = [
  ["lines of different seconds", [1, 2, 3, 4, 5]],
  ["lines of one second", [1.1, 1.2, 1.3, 1.4, 1.5]],
  ["lines of one moment", [1.5, 1.5, 1.5, 1.5, 1.5]],
  ["lines of one moment at the end of a second", [1.1, 1.9, 1.9, 2.1, 2.1]],
  ["lines that two streams wrote in another order", [1.2, 1.1, 1.4, 1.3, 2.1]],
  ["lines whose second goes back", [1.9, 2.1, 1.95, 2.05, 2.2]],
];

test.each(FILES)("%s: wherever the stream breaks, no line is lost and none is doubled", (_, file) => {
  for (let one = 0; one <= file.length; one += 1) {
    for (let two = one; two <= file.length; two += 1) expect(read(file, [one, two]), `${one}, ${two}`).toEqual(file);
  }
});

test("lines before those of `tailLines` are not read when the stream breaks", () => {
  const cursor = new LogCursor();
  cursor.open();
  cursor.beginAt(Date.parse("2026-01-31T12:00:01.900Z"));
  expect([1.8, 1.9].filter((each) => cursor.take(stampOf(each)))).toEqual([1.8, 1.9]);
  expect(read([1.1, 1.2, 1.8, 1.9, 1.95], [], cursor)).toEqual([1.95]);
});

test("after a restart the lines of the new file are read, although it has fewer of them", () => {
  const cursor = new LogCursor();
  read([1.1, 1.2, 1.3], [], cursor);
  expect(read([1.4, 1.5, 1.6], [], cursor)).toEqual([1.4, 1.5, 1.6]);
});

test("a stream that breaks before its first line goes on at the second in which it was opened", () => {
  const cursor = new LogCursor();
  expect(cursor.isBegun).toBe(false);
  expect(cursor.open()).toBeUndefined();
  cursor.beginAt(Date.parse("2026-01-31T12:00:05.900Z"));
  expect(cursor.isBegun).toBe(true);
  expect(cursor.open()).toBe("2026-01-31T12:00:05Z");
});

test.each([
  ["2026-01-31T12:00:00Z", 1_769_860_800, 0],
  ["2026-01-31T12:00:00.5Z", 1_769_860_800, 500_000_000],
  ["2026-01-31T12:00:00.123456789Z", 1_769_860_800, 123_456_789],
  ["2026-01-31T14:00:00.000000001+02:00", 1_769_860_800, 1],
])("%s is read with nanoseconds and time zone", (text, seconds, nanoseconds) => {
  expect(readStamp(text)).toEqual({ seconds, nanoseconds });
});

test.each([
  "",
  "hello",
  "2026-01-31",
  "2026-01-31T12:00:00",
  "2026-13-31T12:00:00Z",
  "2026-01-31T12:00:00.1234567890Z",
])("%j is not a time", (text) => {
  expect(readStamp(text)).toBeUndefined();
});
