import { expect, test } from "vitest";
import { formatLabelSelector, narrowedTo } from "@kinsync/core/contract";

test("a selector is written as a list request takes it, in one order", () => {
  const selector = {
    matchLabels: { tier: "back", app: "web" },
    matchExpressions: [
      { key: "zone", operator: "In", values: ["b", "a"] },
      { key: "old", operator: "DoesNotExist" },
      { key: "team", operator: "Exists" },
      { key: "env", operator: "NotIn", values: ["test"] },
    ],
  };
  expect(formatLabelSelector(selector)).toBe("!old,app=web,env notin (test),team,tier=back,zone in (a,b)");
});

test("an absent selector, an empty one and an operator that is not known narrow nothing", () => {
  expect(formatLabelSelector(undefined)).toBeUndefined();
  expect(formatLabelSelector({})).toBeUndefined();
  expect(formatLabelSelector({ matchExpressions: [{ key: "a", operator: "Gt", values: ["1"] }] })).toBeUndefined();
});

test("a watch is narrowed to a selector that can be written, and else not at all", () => {
  expect(narrowedTo({ matchLabels: { app: "web" } })).toEqual({ labelSelector: "app=web" });
  expect(narrowedTo({})).toEqual({});
  expect(narrowedTo(undefined)).toEqual({});
});
