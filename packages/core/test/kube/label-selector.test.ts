import { expect, test } from "vitest";
import { matchOfSelector, matchOfText } from "../../src/kube/label-selector.ts";

const labels = { app: "web", tier: "back" };

test.each([
  [{ app: "web" }, "app=web"],
  [{ matchLabels: { app: "web", tier: "back" } }, "app=web,tier=back"],
  [{ matchLabels: { app: "web", tier: "front" } }, undefined],
  [{ matchExpressions: [{ key: "app", operator: "In", values: ["api", "web"] }] }, "app=web"],
  [{ matchExpressions: [{ key: "app", operator: "In", values: ["api"] }] }, undefined],
  [{ matchExpressions: [{ key: "app", operator: "NotIn", values: ["api"] }] }, "app notin (api)"],
  [{ matchExpressions: [{ key: "app", operator: "NotIn", values: ["web"] }] }, undefined],
  [{ matchLabels: { app: "web" }, matchExpressions: [{ key: "tier", operator: "Exists" }] }, "app=web,tier"],
  [{ matchExpressions: [{ key: "old", operator: "DoesNotExist" }] }, "!old"],
  [{ matchExpressions: [{ key: "app", operator: "Gt", values: ["1"] }] }, undefined],
  [{ matchExpressions: [null, "x"] }, undefined],
  [{ app: 1 }, undefined],
  [{}, undefined],
  [undefined, undefined],
  ["app=web", undefined],
])("the selector %j matches as %j", (selector, terms) => {
  expect(matchOfSelector(selector, labels)).toBe(terms);
});

test.each([
  ["app=web", true],
  ["app==web,tier=back", true],
  ["app=api", false],
  ["app!=api", true],
  ["old!=x", true],
  ["app in (api, web)", true],
  ["app notin (web)", false],
  ["old notin (x)", true],
  ["app,!old", true],
  ["!app", false],
  ["old", false],
  ["app ~ web", false],
  ["", false],
])("the selector text %j matches: %s", (selector, isMatch) => {
  expect(matchOfText(selector, labels)).toBe(isMatch ? selector : undefined);
});
