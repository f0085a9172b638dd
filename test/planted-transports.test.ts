import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { transportConformance, type ConformanceTest, type TransportEnvironment } from "@kinsync/core/testing";
import { expect, test } from "vitest";
import { MISSED_BUGS, PLANTED_BUGS } from "./support/planted-transports/bugs.ts";
import { plant } from "./support/planted-transports/plant.ts";

type Check = (context: ConformanceTest) => Promise<void>;

function checksOf(makeEnvironment: () => Promise<TransportEnvironment>): ReadonlyMap<string, Check> {
  const checks = new Map<string, Check>();
  transportConformance(makeEnvironment, { test: (name, run) => checks.set(name, run) });
  return checks;
}

/** `met`, `skipped: REASON`, or the error of the kit. */
async function resultOf(check: Check | undefined): Promise<string> {
  let result = "met";
  try {
    if (check === undefined) throw new Error("the kit has no such requirement");
    await check({ skip: (reason) => (result = `skipped: ${reason}`) });
  } catch (error) {
    return `not met: ${String(error)}`;
  }
  return result;
}

test("the guide names the number of planted mistakes", async () => {
  const guide = await readFile(join(import.meta.dirname, "../docs/guides/write-a-transport.md"), "utf8");
  expect(guide).toContain(`kinsync's own tests plant ${PLANTED_BUGS.length} mistakes in the source of \`share\``);
});

test.each(PLANTED_BUGS.map((planted) => [planted.bug, planted] as const))(
  "the kit finds in the guide's transport that %s",
  async (_, planted) => {
    await using copy = await plant(planted);
    const result = await resultOf(checksOf(copy.makeEnvironment).get(planted.law));
    expect(result).toMatch(/^not met: /);
    // A copy that is no program at all proves nothing.
    expect(result).not.toMatch(/ReferenceError|TypeError|no such requirement/);
  },
);

test.each(MISSED_BUGS.map((planted) => [planted.bug, planted] as const))(
  "the kit misses in the guide's transport that %s",
  async (_, planted) => {
    await using copy = await plant(planted);
    const results = await Promise.all([...checksOf(copy.makeEnvironment).values()].map(resultOf));
    expect(
      results.filter((result) => result.startsWith("not met")),
      planted.why,
    ).toEqual([]);
  },
);
