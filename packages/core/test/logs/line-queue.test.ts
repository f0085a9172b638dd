import { expect, test } from "vitest";
import type { LogEntry, LogSource } from "../../src/logs/entries.ts";
import { LineQueue } from "../../src/logs/line-queue.ts";

function source(pod: string): LogSource {
  return { namespace: "ml", pod, uid: pod, container: "main", label: pod };
}

const A = source("a");
const B = source("b");

function line(text: string, of = A): LogEntry {
  return { type: "line", source: of, time: "", text, cutBytes: 0 };
}

function short(entry: LogEntry): string {
  if (entry.type === "line") return entry.text;
  return entry.type === "dropped" ? `${entry.source.pod}-${entry.count}` : entry.reason;
}

/** Reads this many entries. */
async function take(queue: LineQueue, count: number): Promise<readonly string[]> {
  const entries = queue[Symbol.asyncIterator]();
  const read: string[] = [];
  while (read.length < count) {
    const next = await entries.next();
    if (next.done === true) break;
    read.push(short(next.value));
  }
  return read;
}

test("a slow reader gets the number of the lines that are missing, where they are missing", async () => {
  const queue = new LineQueue({ entries: 2, characters: 1_000 });
  for (const text of ["1", "2", "3", "4"]) queue.push(line(text));
  expect(await take(queue, 1)).toEqual(["1"]);
  queue.push(line("5"));
  queue.push(line("6"));
  queue.close();
  expect(await take(queue, 9)).toEqual(["2", "a-2", "5", "a-1"]);
});

test("lines are counted by container", async () => {
  const queue = new LineQueue({ entries: 1, characters: 1_000 });
  for (const entry of [line("1"), line("2", B), line("3", B), line("4")]) queue.push(entry);
  queue.close();
  expect(await take(queue, 9)).toEqual(["1", "b-2", "a-1"]);
});

test("long lines count by their length", async () => {
  const queue = new LineQueue({ entries: 100, characters: 10 });
  queue.push(line("0123456789"));
  queue.push(line("x"));
  queue.close();
  expect(await take(queue, 9)).toEqual(["0123456789", "a-1"]);
});

test("a note is never dropped", async () => {
  const queue = new LineQueue({ entries: 1, characters: 10 });
  queue.push(line("1"));
  queue.push({ type: "note", source: A, code: "restarted", reason: "restarted" });
  queue.close();
  expect(await take(queue, 9)).toEqual(["1", "restarted"]);
});

test("who can wait loses nothing", async () => {
  const queue = new LineQueue({ entries: 2, characters: 1_000 });
  const texts = Array.from({ length: 2_500 }, (_, at) => String(at));
  const writing = (async () => {
    for (const text of texts) {
      await queue.room();
      queue.push(line(text));
    }
    queue.close();
  })();
  expect(await take(queue, 9_999)).toEqual(texts);
  await writing;
});

test("the reader's loop throws the error after the last entry", async () => {
  const queue = new LineQueue();
  queue.push(line("1"));
  queue.close(new Error("forbidden"));
  const read: string[] = [];
  const reading = async (): Promise<void> => {
    for await (const entry of queue) read.push(short(entry));
  };
  await expect(reading()).rejects.toThrow("forbidden");
  expect(read).toEqual(["1"]);
});
