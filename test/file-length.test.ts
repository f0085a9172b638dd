import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..");
const MAX_LINES = 300;
const PROGRAMS = ["ts", "mts", "mjs", "js", "cjs", "sh", "py", "pl", "c", "go"].map((ending) => `*.${ending}`);

/** Files with program text that git tracks. */
function programs(): readonly string[] {
  const listed = execFileSync("git", ["ls-files", "-z", "--", ...PROGRAMS], { cwd: ROOT, encoding: "utf8" });
  return listed.split("\0").filter((path) => path !== "");
}

/** The comment that a file starts with, after a `#!` line; empty without one. */
function firstComment(text: string): string {
  const start = text.replace(/^#!.*\n/, "");
  return /^(?:\/\*[^]*?\*\/|(?:(?:\/\/|#).*\n)+)/.exec(start)?.[0] ?? "";
}

function isTooLong(text: string): boolean {
  return text.trimEnd().split("\n").length > MAX_LINES && !firstComment(text).includes(`more than ${MAX_LINES} lines`);
}

test("a file of more than 300 lines starts with a comment that says why", () => {
  const lines = (count: number): string => "x();\n".repeat(count);
  expect(isTooLong(lines(300))).toBe(false);
  expect(isTooLong(lines(301))).toBe(true);
  expect(isTooLong(`${lines(301)}// This is more than 300 lines because of a table.\n`)).toBe(true);
  expect(isTooLong(`#!/bin/sh\n# This is more than 300 lines because it is sent as one file.\n${lines(301)}`)).toBe(
    false,
  );
  const tooLong = programs().filter((path) => isTooLong(readFileSync(join(ROOT, path), "utf8")));
  expect(
    tooLong,
    "split these files by concept, or let their first comment say why they are more than 300 lines",
  ).toEqual([]);
});
