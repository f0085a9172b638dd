import { expect, test } from "vitest";
import { cleanData } from "../../src/text/clean.ts";

test("data without a control character is the same object: events of thousands of targets are not copied", () => {
  const event = { event: "target", names: ["a", "b"], at: { more: 1, none: undefined } };
  expect(cleanData(event)).toBe(event);
});

test("data with a control character anywhere is a clean copy", () => {
  const event = { reason: "fine", list: [{ deep: "red\u001B[31m" }] };
  expect(cleanData(event)).toEqual({ reason: "fine", list: [{ deep: "red" }] });
  expect(event.list[0]?.deep).toBe("red\u001B[31m");
});
