import { expect, test } from "vitest";
import type { LogEntry, LogSource } from "@kinsync/core";
import { EntryFormat, jsonOf } from "../../../src/commands/logs/format-entry.ts";

function source(label: string): LogSource {
  return { namespace: "ml", pod: `pod-${label}`, uid: label, container: "main", role: "worker", label };
}

function line(text: string, cutBytes = 0, label = "head 0"): LogEntry {
  return { type: "line", source: source(label), time: "2026-01-31T12:00:00.1Z", text, cutBytes };
}

function plain(...entries: readonly LogEntry[]): readonly string[] {
  const format = new EntryFormat((_, text) => text);
  return entries.map((entry) => format.entry(entry));
}

test("prefixes are as wide as the widest one so far", () => {
  expect(plain(line("a"), line("b", 0, "worker 10"), line("c"))).toEqual([
    "head 0 | a",
    "worker 10 | b",
    "head 0    | c",
  ]);
});

test("a progress bar shows its last state, and escape sequences and controls are gone", () => {
  expect(plain(line("\r 10%\r 50%\r100%\r"), line("\u001B[31mred\u001B[0m \u0007bell\u202E"), line(""))).toEqual([
    "head 0 | 100%",
    "head 0 | red bell",
    "head 0 | ",
  ]);
});

test("a cut line, dropped lines and notes are marked", () => {
  expect(
    plain(
      line("long", 2048),
      { type: "dropped", source: source("head 0"), count: 12 },
      { type: "note", source: source("head 0"), code: "restarted", reason: "the container\nrestarted" },
    ),
  ).toEqual([
    "head 0 | long … (2 KiB more)",
    "head 0 | -- 12 lines dropped: the output is too slow for them --",
    "head 0 | -- the container restarted --",
  ]);
});

test("each member has a color of its own on a terminal", () => {
  const format = new EntryFormat((color, text) => `<${String(color)}>${text}`);
  const [one, two, again] = [line("a"), line("b", 0, "worker 1"), line("c")].map((each) => format.entry(each));
  const colorOf = (text = ""): string | undefined => /^<(\w+)>/.exec(text)?.[1];
  expect(colorOf(one)).not.toBe(colorOf(two));
  expect(colorOf(again)).toBe(colorOf(one));
});

test("JSON has the whole line with its own time", () => {
  expect(jsonOf(line("\u001B[31ma", 5), { workload: "jobset/train", namespace: "ml" })).toEqual({
    event: "log",
    time: "2026-01-31T12:00:00.1Z",
    workload: "jobset/train",
    namespace: "ml",
    pod: "pod-head 0",
    uid: "head 0",
    container: "main",
    role: "worker",
    text: "a",
    cutBytes: 5,
  });
});
