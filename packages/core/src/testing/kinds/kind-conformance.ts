import assert from "node:assert/strict";
import type { KindPlugin } from "../../contract/kind.ts";
import { checkKind } from "../../plugins/shape.ts";
import {
  checkAnswersAboutPods,
  checkEndings,
  checkMissingFields,
  checkNewerObjects,
  type JudgeObjects,
} from "./derived-cases.ts";
import { checkExpected } from "./expected-members.ts";
import { checkNames, checkReferences, checkUids } from "./identity.ts";
import { checkIsolated, type KindModule } from "./isolated.ts";
import { lintKindCases, type KindCase } from "./kind-case.ts";
import { judgeObjects } from "./kind-view.ts";
import { checkPlan } from "./plan.ts";
import { callWithoutModules, deepFreeze } from "./purity.ts";
import { checkAges, checkForeignRoot, checkMissingSources, checkOrder, checkPurity } from "./requirements.ts";
import { checkSharedUids } from "./shared-uids.ts";
import { answerOf, judgeCase, viewOptions, type Answer, type Subject } from "./subject.ts";
import { TimeLimit } from "./time-limit.ts";
import { checkWellFormed } from "./well-formed.ts";

/** Options of `kindConformance`. */
export interface KindConformanceOptions {
  /** Registers one test: `test` of Vitest, of `node:test`, or of any runner of that form. */
  readonly test: (name: string, run: () => void) => unknown;
  /** The kind's rule reads `creationTimestamp`, as its controller does. Default: as `reads` of each case says. */
  readonly readsCreationTimestamps?: boolean;
  /**
   * The kind's rule reads names, as its controller does: the ordinal of a StatefulSet's pod. Default: as `reads` of each
   * case says. Otherwise names that nothing refers to decide nothing.
   */
  readonly readsNames?: boolean;
  /**
   * The controller owns objects by references without `controller: true`, and the watch plan has `owner: "any"` for that reason.
   * Default: `false`: a pod that only refers to the workload is not a member.
   */
  readonly ownsWithoutController?: boolean;
  /**
   * Where a process of its own finds the kind: the module that exports its factory as the default, such as
   * `new URL("../src/index.ts", import.meta.url)`, or more about it. Default: the kind is not checked in a process of its own.
   */
  readonly isolated?: URL | KindModule;
  /** The other loaded kinds, for a kind that delegates children to them. Default: none. */
  readonly kinds?: readonly KindPlugin[];
  /** Milliseconds that one test may take, for a kind that loops. Default: 10,000. */
  readonly timeLimit?: number;
  /** Seed of the shuffles. Default: 1. */
  readonly seed?: number;
}

/**
 * Checks a kind against the caller's cases, and against requirements that every kind must meet.
 *
 * One test per case compares members and notes with what the case expects. The other tests need no expectation: each derives objects from
 * those of the cases and checks what must hold for every kind, such as: the order of objects and of calls, ages, names and UIDs decide
 * nothing; input is not changed, nothing is remembered, and nothing outside of the arguments is read; a field that may be missing does
 * not make the kind throw; a pod that ends gets no files; a newer generation or a deletion makes nothing current; and only owner references of a
 * controller, by UID, make members. docs/guides/write-a-kind.md lists them.
 *
 * The cases themselves are checked, too: duplicate names, unknown keys, empty expectations.
 *
 * ```ts
 * import { test } from "vitest";
 * kindConformance(myKind(), cases, { test });
 * ```
 */
export function kindConformance(kind: KindPlugin, cases: readonly KindCase[], options: KindConformanceOptions): void {
  const { test, kinds = [], isolated, timeLimit = 10_000 } = options;
  const limit = new TimeLimit(timeLimit);
  const requirement = (name: string, check: () => void): unknown =>
    test(`${kind.name}: ${name}`, () => limit.run(name, check));
  requirement("the cases are well formed", () => {
    assert.deepEqual(lintKindCases(kind, cases), []);
  });
  requirement("the definition is well formed", () => void checkKind(kind, `kind ${kind.name}`));
  // Frozen recursively: a kind that writes to it throws.
  const subjects = cases.map((one): Subject => ({ ...deepFreeze(structuredClone(one)), kinds }));
  for (const one of subjects)
    checkCase(kind, one, options, (name, check) => requirement(`${one.name}: ${name}`, check));
  requirement("cases with the same UIDs get their own answers", () => {
    checkSharedUids(subjects.map((one) => ({ name: one.name, objects: one, judge: judgeOf(kind, one) })));
  });
  if (isolated === undefined) return;
  test(`${kind.name}: a process without files, network and environment gives the same answers`, () => {
    checkIsolated(kind, subjects, isolated);
  });
}

function judgeOf(kind: KindPlugin, one: Subject): JudgeObjects {
  return (changed) => judgeCase(kind, { ...one, ...changed });
}

function checkCase(
  kind: KindPlugin,
  one: Subject,
  options: KindConformanceOptions,
  requirement: (name: string, check: () => void) => unknown,
): void {
  const { ownsWithoutController = false, seed = 1 } = options;
  const readsAges = options.readsCreationTimestamps ?? one.reads?.includes("creationTimestamps") ?? false;
  const readsNames = options.readsNames ?? one.reads?.includes("names") ?? false;
  const judge = judgeOf(kind, one);
  let first: Answer | undefined;
  requirement("members are as expected", () => {
    const judged = judgeCase(kind, one);
    first = answerOf(judged);
    checkExpected(one, judged);
  });
  requirement("each owned pod has one well-formed verdict", () => checkWellFormed(judgeCase(kind, one)));
  requirement("order does not matter", () => checkOrder(kind, one, seed));
  requirement("input is not mutated and nothing is remembered", () => checkPurity(kind, one, first));
  requirement("no file, socket, process or environment is read", () => {
    callWithoutModules(() => judgeObjects(kind, one.root, one.objects, viewOptions(one)));
  });
  requirement("a missing status or missing labels do not make the kind throw", () => checkMissingFields(one, judge));
  requirement("a missing watch or a child without a kind do not make the kind throw", () => {
    checkMissingSources(kind, one);
  });
  requirement("a pod that ends gets no files", () => checkEndings(one, judge));
  requirement("a newer generation or a deletion makes nothing current", () => checkNewerObjects(one, judge));
  requirement("every pod has a usable default container, and none is taken without labels", () =>
    checkAnswersAboutPods(kind, one),
  );
  requirement("the watch plan is stable and delivers what the rule needs", () => checkPlan(kind, one));
  requirement("a root of the same name and another UID owns nothing", () => checkForeignRoot(kind, one));
  requirement("UIDs identify and decide nothing else", () => checkUids(one, judge));
  if (!ownsWithoutController) {
    requirement("a reference without a controller makes no member", () => checkReferences(one, judge));
  }
  if (!readsNames) requirement("names decide nothing", () => checkNames(one, judge));
  if (!readsAges) requirement("ages change nothing", () => checkAges(kind, one, seed));
}
