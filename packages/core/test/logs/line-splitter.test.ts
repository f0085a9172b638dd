import { expect, test } from "vitest";
import { LineSplitter } from "../../src/logs/line-splitter.ts";

interface Case {
  readonly name: string;
  readonly limit?: number;
  readonly chunks: readonly string[];
  readonly lines: readonly string[];
  readonly rest?: string;
  readonly cut?: readonly number[];
}

const CASES: readonly Case[] = [
  { name: "one line in one chunk", chunks: ["a\n"], lines: ["a"] },
  { name: "a line in three chunks", chunks: ["a", "b", "c\n"], lines: ["abc"] },
  { name: "several lines in one chunk", chunks: ["a\nb\n\nc\n"], lines: ["a", "b", "", "c"] },
  { name: "a line feed of its own", chunks: ["a", "\n", "b"], lines: ["a"], rest: "b" },
  { name: "a carriage return in front of the line feed", chunks: ["a\r\nb\rc\r\n"], lines: ["a", "b\rc"] },
  { name: "nothing", chunks: ["", ""], lines: [] },
  { name: "a line of the limit", limit: 3, chunks: ["abc\n"], lines: ["abc"], cut: [0] },
  { name: "a line beyond the limit", limit: 3, chunks: ["abcd", "efgh\nx\n"], lines: ["abc", "x"], cut: [5, 0] },
  { name: "a rest beyond the limit", limit: 3, chunks: ["abcd"], lines: [], rest: "abc" },
  { name: "a character that the limit would cut", limit: 4, chunks: ["abcä\n"], lines: ["abc"], cut: [2] },
  { name: "an emoji that the limit would cut", limit: 6, chunks: ["abc😀d\n"], lines: ["abc"], cut: [5] },
  { name: "a whole character at the limit", limit: 5, chunks: ["abcäd\n"], lines: ["abcä"], cut: [1] },
];

test.each(CASES)("$name", ({ limit = 1_000, chunks, lines, rest, cut }) => {
  const splitter = new LineSplitter(limit);
  const split = chunks.flatMap((chunk) => [...splitter.push(Buffer.from(chunk))]);
  expect(split.map(({ text }) => text)).toEqual(lines);
  expect(split.map(({ cutBytes }) => cutBytes)).toEqual(cut ?? lines.map(() => 0));
  expect(splitter.rest()?.text).toBe(rest);
});

test("a character in two chunks stays whole", () => {
  const splitter = new LineSplitter(100);
  const bytes = Buffer.from("ä\n");
  const lines = [bytes.subarray(0, 1), bytes.subarray(1)].flatMap((chunk) => [...splitter.push(chunk)]);
  expect(lines).toEqual([{ text: "ä", cutBytes: 0 }]);
});

test("a line without an end takes no more memory than the limit", () => {
  const splitter = new LineSplitter(1_000);
  for (let at = 0; at < 1_000; at += 1) expect([...splitter.push(Buffer.alloc(10_000, "x"))]).toEqual([]);
  expect(splitter.rest()).toEqual({ text: "x".repeat(1_000), cutBytes: 10_000_000 - 1_000 });
});
