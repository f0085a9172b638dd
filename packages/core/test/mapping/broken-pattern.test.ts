import { expect, test } from "vitest";
import { brokenPattern } from "../../src/mapping/broken-pattern.ts";

test.each([
  ["[abc", "in which a `[` has no `]`"],
  ["***/[", "in which a `[` has no `]`"],
  ["[*.py", "in which a `[` has no `]`"],
  ["![!]", "in which a `[` has no `]`"],
  ["a[z-a]", "with the empty range z-a"],
  ["build\\", "that ends in a backslash"],
  ["!", "that matches nothing"],
  [" ", "that matches nothing"],
  ["/", "that matches nothing"],
  ["#notes", "that is a comment: write \\#notes"],
  ["./dist", "that starts with ./ and matches nothing: write /dist"],
  ["../dist", "with `..`: a pattern cannot leave the mapped folder"],
  ["*.{js,ts}", "with { , }, which gitignore syntax does not have: write one pattern for each alternative"],
])("%s can match no path", (pattern, why) => {
  expect(brokenPattern(pattern)).toBe(why);
});

test.each([
  "*.py",
  "!keep",
  "/dist/",
  "[abc]",
  "[]a]",
  "[!]]",
  "[[:alpha:]]x",
  "a\\[b",
  "\\#notes",
  "**/x",
  "a{b}",
  "x\\{a,b\\}",
  "...",
  "[a-z0-9]",
])("%s can match paths", (pattern) => {
  expect(brokenPattern(pattern)).toBeUndefined();
});
