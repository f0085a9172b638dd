import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Playground } from "../../packages/cli/test/support/playground.ts";
import { CLUSTERS } from "./mistakes/clusters.ts";
import { COMMAND_LINES } from "./mistakes/command-lines.ts";
import { CONFIGS } from "./mistakes/configs.ts";
import { CONTAINERS } from "./mistakes/containers.ts";
import { isConfined, startCluster } from "./support/fixture.ts";
import { make } from "./support/make.ts";
import type { Mistake } from "./support/mistake.ts";

// What people get wrong on their first day. A newcomer made 108 mistakes on purpose, and wrote down those with the best and the worst
// answers. The tables hold all of these, and others of the same kinds. Some turned out to be allowed: they have no next step.
const TABLES = { "command lines": COMMAND_LINES, configs: CONFIGS, clusters: CLUSTERS, containers: CONTAINERS };
const LIMIT_S = 15;

let playground: Playground;

beforeAll(async () => {
  playground = await startCluster();
}, 60_000);

afterAll(() => playground[Symbol.asyncDispose]());

const confined = await isConfined();

function canBeMade({ needsConfinement = false, needsPosix = false, needsRoot = false }: Mistake): boolean {
  if (needsConfinement && !confined) return false;
  if (needsPosix && process.platform === "win32") return false;
  return !needsRoot || process.getuid?.() === 0;
}

test("there are at least 108 mistakes, each with a name of its own", () => {
  const names = Object.values(TABLES).flatMap((table) => table.map(({ what }) => what));
  expect(names.length).toBeGreaterThanOrEqual(108);
  expect(new Set(names).size).toBe(names.length);
});

describe.each(Object.entries(TABLES))("of %s", (_name, table) => {
  test.for(table)("$what: the answer has object, cause and next step", async (mistake, { skip }) => {
    if (!canBeMade(mistake)) skip();
    const { within = LIMIT_S } = mistake;
    const ran = await make(mistake, playground, AbortSignal.timeout(within * 1_000));
    const answer = `${ran.stdout}${ran.stderr}`;
    for (const part of [mistake.object, mistake.cause, mistake.next ?? ""]) expect(answer).toMatch(part);
    // No stack, and nothing that a program failed to put into words.
    expect(answer).not.toMatch(/^\s+at |KINSYNC_INTERNAL|undefined|\[object /m);
    expect(ran.code, answer).toBe(mistake.code);
  });
});
