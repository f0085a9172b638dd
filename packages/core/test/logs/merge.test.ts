import { expect, test } from "vitest";
import type { LogLine } from "../../src/logs/entries.ts";
import { mergeByTime } from "../../src/logs/merge.ts";

async function* logOf(pod: string, ...seconds: readonly string[]): AsyncGenerator<LogLine> {
  const source = { namespace: "ml", pod, uid: pod, container: "main", label: pod };
  for (const [at, second] of seconds.entries()) {
    await Promise.resolve();
    const time = second === "" ? "" : `2026-01-31T12:00:${second}Z`;
    yield { type: "line", source, time, text: `${pod}${at}`, cutBytes: 0 };
  }
}

async function merged(...logs: readonly AsyncIterable<LogLine>[]): Promise<string> {
  const texts: string[] = [];
  for await (const { text } of mergeByTime(logs)) texts.push(text);
  return texts.join(" ");
}

test("lines come by their time", async () => {
  expect(await merged(logOf("a", "01", "05.2", "09"), logOf("b", "02", "05.1"), logOf("c"))).toBe("a0 b0 b1 a1 a2");
});

test("lines of one log keep their order, also where a time goes back or is missing", async () => {
  expect(await merged(logOf("a", "05", "01", "", "06"), logOf("b", "05.5"))).toBe("a0 a1 a2 b0 a3");
});

test("who stops to read ends all logs", async () => {
  const ended: string[] = [];
  async function* endless(pod: string): AsyncGenerator<LogLine> {
    try {
      for (;;) yield* logOf(pod, "01");
    } finally {
      ended.push(pod);
    }
  }
  for await (const _ of mergeByTime([endless("a"), endless("b")])) break;
  expect(ended.toSorted()).toEqual(["a", "b"]);
});
