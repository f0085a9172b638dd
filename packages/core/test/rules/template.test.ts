import { expect, test } from "vitest";
import { splitTemplate } from "../../src/rules/template.ts";

test("text and expressions alternate, with the place where each expression begins", () => {
  expect(splitTemplate("app={root.metadata.name},x={y}")).toEqual([
    { text: "app=" },
    { expression: "root.metadata.name", offset: 5 },
    { text: ",x=" },
    { expression: "y", offset: 28 },
  ]);
});

test("a brace in a text or a map belongs to the expression", () => {
  expect(splitTemplate(`{a == '}' ? {"x": 1}.x : b}`)).toEqual([
    { expression: `a == '}' ? {"x": 1}.x : b`, offset: 1 },
  ]);
});

test("a text without braces is one part, and a brace that is not closed is refused", () => {
  expect(splitTemplate("plain")).toEqual([{ text: "plain" }]);
  expect(() => splitTemplate("a{b")).toThrow("has a { without its }");
});
