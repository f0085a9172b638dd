import { expect, test } from "vitest";
import { lineToWrite } from "../../src/document/line-to-write.ts";

test.each<[situation: string, expected: string, value: unknown, path: readonly (string | number)[], line: string]>([
  ["a text where a list belongs", "array", "head", ["roles"], 'roles: ["head"]'],
  ["one rule where a list belongs", "array", { from: "src" }, ["workloads", 0, "sync"], "sync: [{ … }]"],
  ["an empty list of rules", "array", [], ["sync"], 'sync: [{ from: "src", to: "/app/src" }]'],
  ["a number in a list of strings", "string", 0, ["indexes", 0], 'indexes: ["0"]'],
  ["a number where a text belongs", "string", 3, ["sync", 0, "to"], 'to: "3"'],
  ["a duration with a unit", "number", "5m", ["run", 0, "timeout"], "timeout: 300000 (milliseconds)"],
  ["a number as a text", "number", "500", ["timeout"], "timeout: 500 (milliseconds)"],
  ["a word for true", "boolean", "yes", ["mirror"], "mirror: true"],
  ["a word for false", "boolean", "off", ["mirror"], "mirror: false"],
  ["a list where labels belong", "record", ["active"], ["labels"], 'labels: { side: "active" }'],
])("%s is shown as the line to write", (_situation, expected, value, path, line) => {
  expect(lineToWrite(expected, value, path)).toBe(line);
});

test.each<[situation: string, expected: string, value: unknown, path: readonly (string | number)[]]>([
  ["the whole config", "object", [], []],
  ["a duration in words", "number", "soon", ["timeout"]],
  ["an object where a text belongs", "string", {}, ["to"]],
  ["a list of an unknown key", "array", 3, ["roles"]],
])("%s has no line to write", (_situation, expected, value, path) => {
  expect(lineToWrite(expected, value, path)).toBeUndefined();
});
