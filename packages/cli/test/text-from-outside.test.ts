import fc from "fast-check";
import { expect, test } from "vitest";
import { clean, cleanData, cleanLines } from "../src/render/text.ts";

const DANGEROUS = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u200E\u200F\u061C\u2028\u2029\u202A-\u202E\u2066-\u2069]/;

test.each([
  ["\u001B[31mred\u001B[0m", "red"],
  ["\u001B]0;title\u0007text", "text"],
  ["\u001B]8;;http://x\u001B\\link\u001B]8;;\u001B\\", "link"],
  ["a\u009B31mb", "a31mb"],
  ["abc\u202Egpj.exe", "abcgpj.exe"],
  ["a\rb\nc\td", "a b c d"],
  ["  spaced  ", "spaced"],
  ["bell\u0007", "bell"],
])("%j becomes %j", (text, expected) => {
  expect(clean(text)).toBe(expected);
});

test("whatever comes, nothing that moves a cursor or turns text around is left", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
      expect(cleanLines(text)).not.toMatch(DANGEROUS);
      expect(clean(text)).not.toMatch(/\n/);
      expect(JSON.stringify(cleanData({ [text]: [text] }))).not.toMatch(DANGEROUS);
    }),
  );
});

test.each(["\u001B", "\u001B]", "\u001B[", " ", "\n", " \n", "\u001BP", "\u001B[0"])(
  "a hundred thousand of %j take no more steps than letters",
  (unit) => {
    // Quadratic work would take the better part of a minute, and the time limit of the test.
    expect(clean(unit.repeat(100_000)).length).toBeLessThanOrEqual(unit.length * 100_000);
  },
);
