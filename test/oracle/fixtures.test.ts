import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ORACLES } from "./oracles.ts";
import { playHistory } from "./player/check.ts";
import type { Step } from "./player/steps.ts";

/** A history that failed once, with what was wrong. The steps are as a failure prints them. */
interface Fixture {
  readonly kind: string;
  readonly wrong: string;
  readonly steps: readonly Step[];
}

const FOLDER = new URL("fixtures/", import.meta.url);

const fixtures = readdirSync(FOLDER).map((file): readonly [string, Fixture] => [
  file.replace(".json", ""),
  JSON.parse(readFileSync(new URL(file, FOLDER), "utf8")) as Fixture,
]);

test.each(fixtures)("%s", (_, { kind, steps }) => {
  const oracle = ORACLES.find(({ name }) => name === kind);
  expect(oracle, `there is no oracle for ${kind}`).toBeDefined();
  if (oracle !== undefined) playHistory(oracle, steps);
});
