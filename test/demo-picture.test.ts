import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { demoPicture, recordDemo } from "../scripts/docs-demo.ts";
import { parseAnsi, terminalSvg } from "../scripts/terminal-svg.ts";

/** The words of a picture, row by row, without what differs from run to run: times, durations, names of pods, isolation. */
function wordsOf(svg: string): string {
  return [...svg.matchAll(/<g class="row"[^>]*>(.*)<\/g>/g)]
    .flatMap(([, row = ""]) => [...row.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text))
    .join(" ")
    .replaceAll(/\s+/g, " ")
    .replaceAll(/\d\d:\d\d:\d\d/g, "TIME")
    .replaceAll(/(?<![\w-])[\d.]+ ?(?:ms|s)\b/g, "DURATION")
    .replaceAll(/(train-\w+-\d-\d)-\w{5}/g, "$1-SUFFIX")
    .replaceAll(", each with a root of its own", "");
}

test.skipIf(process.platform === "win32")("the picture in the README shows what the demo prints today", async () => {
  const picture = readFileSync(join(resolve(import.meta.dirname, ".."), "docs", "images", "demo.svg"), "utf8");
  expect(wordsOf(picture), "run `npm run docs:demo` to record it again").toBe(wordsOf(demoPicture(await recordDemo())));
});

test("colors become spans, and an unknown code is an error", () => {
  expect(parseAnsi("a \x1b[1mb\x1b[22m\x1b[32mc\x1b[39m")).toEqual([
    { text: "a ", style: { bold: false, dim: false, color: undefined } },
    { text: "b", style: { bold: true, dim: false, color: undefined } },
    { text: "c", style: { bold: false, dim: false, color: "#57ab5a" } },
  ]);
  expect(() => parseAnsi("\x1b[5mblink")).toThrow("ANSI code 5");
});

test("a long line is wrapped at blanks and keeps its indentation, and markup is escaped", () => {
  const svg = terminalSvg({ title: "t", columns: 12, lines: [{ text: "  one two <three>", at: 5 }] });
  expect(
    [...svg.matchAll(/<g class="row".*?<text x="([\d.]+)".*?>([^<]*)<\/text>/g)].map(([, x, text]) => [x, text]),
  ).toEqual([
    ["34.8", "one two"],
    ["34.8", "&lt;three&gt;"],
  ]);
});
