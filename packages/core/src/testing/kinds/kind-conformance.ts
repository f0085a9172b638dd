import assert from "node:assert/strict";
import type { KindPlugin } from "../../contract/kind.ts";
import { checkDefaultContainers, checkEndings, checkMissingFields, type JudgeObjects } from "./derived-cases.ts";
import { checkExpected } from "./expected-members.ts";
import { lintKindCases, type KindCase } from "./kind-case.ts";
import { deepFreeze } from "./purity.ts";
import { checkAges, checkForeignRoot, checkOrder, checkPlan, checkPurity } from "./requirements.ts";
import { answerOf, judgeCase, type Answer, type Subject } from "./subject.ts";
import { checkVerdicts } from "./well-formed.ts";

/** Options of `kindConformance`. */
export interface KindConformanceOptions {
  /** Registers one test: `test` of Vitest, of `node:test`, or of any runner of that form. */
  readonly test: (name: string, run: () => void) => unknown;
  /** The kind's rule reads `creationTimestamp`, as its controller does. Default: `false`: changed ages must change nothing. */
  readonly readsCreationTimestamps?: boolean;
  /** The other loaded kinds, for a kind that delegates children to them. Default: none. */
  readonly kinds?: readonly KindPlugin[];
  /** Seed of the shuffles. Default: 1. */
  readonly seed?: number;
}

/**
 * Checks a kind against the caller's cases, and against requirements that every kind must meet.
 *
 * One test per case compares members and notes with what the case expects. Each requirement is checked on each case: the order of objects
 * and of calls does not matter, input is not mutated, no clock, network or randomness is used, each owned pod gets one well-formed verdict,
 * pods that the root does not own get none, a missing status or missing labels do not make the kind throw, a pod that ends gets no files, a default
 * container exists, ages change nothing, the watch plan is stable and delivers all that the rule needs, and a root
 * of the same name and another UID owns nothing. The cases themselves are checked, too: duplicate names, unknown keys, empty expectations.
 *
 * ```ts
 * import { test } from "vitest";
 * kindConformance(myKind(), cases, { test });
 * ```
 */
export function kindConformance(kind: KindPlugin, cases: readonly KindCase[], options: KindConformanceOptions): void {
  const { test, readsCreationTimestamps = false, kinds = [], seed = 1 } = options;
  test(`${kind.name}: the cases are well formed`, () => {
    assert.deepEqual(lintKindCases(kind, cases), []);
  });
  for (const one of cases) {
    // Frozen recursively: a kind that writes to it throws.
    const subject: Subject = { ...deepFreeze(structuredClone(one)), kinds };
    let first: Answer | undefined;
    const requirement = (name: string, run: () => void): unknown => test(`${kind.name}: ${one.name}: ${name}`, run);
    requirement("members are as expected", () => {
      const judged = judgeCase(kind, subject);
      first = answerOf(judged);
      checkExpected(subject, judged);
    });
    requirement("each owned pod has one well-formed verdict", () => checkVerdicts(kind, subject));
    requirement("order does not matter", () => checkOrder(kind, subject, seed));
    requirement("input is not mutated and nothing is remembered", () => checkPurity(kind, subject, first));
    const judge: JudgeObjects = (changed) => judgeCase(kind, { ...subject, ...changed });
    requirement("a missing status or missing labels do not make the kind throw", () =>
      checkMissingFields(subject, judge),
    );
    requirement("a pod that ends gets no files", () => checkEndings(subject, judge));
    requirement("the default container is one of the pod's containers", () =>
      checkDefaultContainers(kind, subject, judge),
    );
    requirement("the watch plan is stable and delivers what the rule needs", () => checkPlan(kind, subject));
    requirement("a root of the same name and another UID owns nothing", () => checkForeignRoot(kind, subject));
    if (!readsCreationTimestamps) requirement("ages change nothing", () => checkAges(kind, subject, seed));
  }
}
