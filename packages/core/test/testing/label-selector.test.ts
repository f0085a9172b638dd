import { expect, test } from "vitest";
import { matchesLabelSelector } from "../../src/testing/label-selector.ts";

test.each([
  ["app=web", true],
  ["app==web", true],
  ["app=web,tier=back", true],
  ["app=other", false],
  ["app!=other", true],
  ["app!=web", false],
  ["gone!=web", true],
  ["app in (web,api),tier", true],
  ["app in (api)", false],
  ["app notin (api,db),!gone", true],
  ["gone notin (web)", true],
  ["!app", false],
  ["example.com/empty=", true],
])("the selector %s is told to match or not", (selector, expected) => {
  expect(matchesLabelSelector(selector, { app: "web", tier: "back", "example.com/empty": "" })).toBe(expected);
});

test("what is no selector is refused", () => {
  expect(() => matchesLabelSelector("a=b=c", {})).toThrow('no label selector: "a=b=c"');
});
