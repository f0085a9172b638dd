import { describe, expect, test } from "vitest";
import { kindConformance, type KindCase } from "@kinsync/core/testing";
import { CASES, TWO_CASES } from "./support/crew/cases.ts";
import { crew } from "./support/crew/crew.ts";
import { HARMLESS } from "./support/crew/harmless.ts";
import { IDENTITY_BUGS } from "./support/crew/identity-bugs.ts";
import { PLAN_BUGS } from "./support/crew/plan-bugs.ts";
import { EXPECTED, type MissedBug, type PlantedBug } from "./support/crew/planted-bug.ts";
import { PURITY_BUGS } from "./support/crew/purity-bugs.ts";
import { MISSED_BUGS, STATE_BUGS } from "./support/crew/state-bugs.ts";

const BUGS: readonly PlantedBug[] = [...IDENTITY_BUGS, ...STATE_BUGS, ...PLAN_BUGS, ...PURITY_BUGS];

/** What a process of its own loads, where a bug has no module of its own. */
const SOUND = { module: new URL("support/crew/crew.ts", import.meta.url), export: "crew" };

/** Requirements of the kit that a kind does not meet. @param isEnough stops at such a requirement */
function failuresOf(
  { kind, isolated }: Pick<PlantedBug, "kind" | "isolated">,
  cases: readonly KindCase[],
  isEnough: (law: string) => boolean = () => false,
): string[] {
  const failures = new Set<string>();
  let isOver = false;
  kindConformance(crew(kind()), cases, {
    test: (name, run) => {
      if (isOver) return;
      try {
        run();
      } catch {
        const law = name.split(": ").at(-1) ?? name;
        failures.add(law);
        isOver = isEnough(law);
      }
    },
    timeLimit: 3_000,
    ...(isolated === undefined ? {} : { isolated }),
  });
  return [...failures];
}

test("the sound kind meets every requirement, also in a process of its own", () => {
  expect(failuresOf({ kind: () => ({}), isolated: SOUND }, CASES)).toEqual([]);
});

describe("with the cases of a careful author", () => {
  test.each(BUGS.map((bug) => [bug.bug, bug] as const))("the kit finds that %s", (_, bug) => {
    expect(failuresOf(bug, CASES, (law) => law === bug.law)).toContain(bug.law);
  });

  test.each(MISSED_BUGS.map((bug) => [bug.bug, bug] as const))("the kit misses that %s", (_, bug: MissedBug) => {
    expect(failuresOf(bug, CASES), bug.why).toEqual([]);
  });

  test.each(Object.entries(HARMLESS))("the kit accepts that %s", (_, kind) => {
    expect(failuresOf({ kind }, CASES)).toEqual([]);
  });
});

const isOwnLaw = (law: string): boolean => law !== EXPECTED;

/** About what the objects of this controller mean: each of these kinds is sound for another controller. */
const MISSED_BY_TWO_CASES: readonly string[] = [
  "the Squads are watched by the kind of another group",
  "pods of a Squad that is being deleted stay current",
  "a Crew without a status counts as up to date",
  "an old status is believed",
  "the attempt is compared with the generation",
  "what the partition keeps is current",
  "the partition is not read",
  "the partition counts one Squad too few",
  "everything is current",
  "the attempt is not read",
  "helper pods get files",
  "a worker gets the index of no Squad",
  "the note is left out",
  "the projection drops the labels that the rule reads",
];

test("with the two cases of an author in a hurry, the requirements alone find all but the mistakes about what the objects mean", () => {
  const missed = BUGS.filter((bug) => !failuresOf(bug, TWO_CASES, isOwnLaw).some(isOwnLaw));
  expect(missed.map(({ bug }) => bug)).toEqual(MISSED_BY_TWO_CASES);
});
