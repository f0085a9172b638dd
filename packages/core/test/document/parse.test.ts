import { expect, test } from "vitest";
import { parseConfigText } from "../../src/document/parse.ts";

const TEXT = `plain: root.spec.x
quoted: "root.spec.x"
escaped: "a\\tb"
literal: |
  first
  second line
folded: >-
  one two
  three four
list: [{ if: "a == 'b'" }]
`;

const { locateInside } = parseConfigText(TEXT, "a.yaml", "yaml");

test.each<[string, readonly (string | number)[], number, { line: number; column: number }]>([
  ["a plain text", ["plain"], 5, { line: 1, column: 13 }],
  ["a quoted text", ["quoted"], 5, { line: 2, column: 15 }],
  ["a text with escapes: its start", ["escaped"], 2, { line: 3, column: 10 }],
  ["the second line of a block", ["literal"], 13, { line: 6, column: 10 }],
  ["a text in a list", ["list", 0, "if"], 5, { line: 10, column: 20 }],
  ["a path that does not exist: the nearest", ["list", 4], 0, { line: 10, column: 7 }],
])("position inside of %s", (_situation, path, offset, position) => {
  expect(locateInside(path, offset)).toEqual(position);
});

test("a folded text has the position of its start", () => {
  expect(locateInside(["folded"], 10)).toMatchObject({ line: 7 });
});
