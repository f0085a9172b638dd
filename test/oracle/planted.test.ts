import { expect, test } from "vitest";
import { ORACLES } from "./oracles.ts";
import { isRefuted } from "./player/check.ts";
import { wrongRules } from "./planted/wrong-rules.ts";

/** A wrong rule is refuted by one of the first dozens; a rule that no history refutes costs them all. */
const MAX_HISTORIES = 1_000;

const RULES = wrongRules(ORACLES.map(({ name }) => name));

test.each(RULES)("random histories refute a wrong rule: $name", ({ kinds, plant }) => {
  const missed = kinds.filter((name) => {
    const oracle = ORACLES.find((each) => each.name === name);
    return oracle === undefined || !isRefuted(oracle, plant(oracle.kind()), MAX_HISTORIES);
  });
  expect(missed).toEqual([]);
});
