import assert from "node:assert/strict";
import type { KindPlugin, KindView, OwnedPod, Reason, Verdict } from "../../contract/kind.ts";
import { isPodActive } from "../../contract/kind.ts";
import type { KubeObject } from "../../contract/resource.ts";
import { ELIGIBLE_STATES, isMemberState } from "../../contract/state.ts";
import { checkDefaultContainers, checkEndings, checkMissingFields, type JudgeObjects } from "./derived-cases.ts";
import { lintKindCases } from "./kind-case.ts";
import type { KindCase } from "./kind-case.ts";
import { buildKindView, isPod, judgeObjects } from "./kind-view.ts";
import type { JudgedObjects, KindViewOptions } from "./kind-view.ts";
import { callPurely, deepFreeze } from "./purity.ts";
import { pairwiseSwapped, seededRandom, shuffled } from "./shuffle.ts";

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

const VERDICT_FIELDS: readonly string[] = Object.keys({
  state: true,
  role: true,
  index: true,
  labels: true,
  reason: true,
} satisfies Record<keyof Verdict, true>);
const SHUFFLES = 24;
const SWAPS = 300;
const KEBAB = /^[a-z0-9]+(-[a-z0-9]+)*$/;

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

/** A case with the kinds that judge delegated children. */
interface Subject extends KindCase {
  readonly kinds: readonly KindPlugin[];
}

/** Verdicts by pod UID, notes and roles: what two judgements are compared by. */
interface Answer {
  readonly verdicts: Readonly<Record<string, Verdict>>;
  readonly notes: readonly Reason[];
  readonly roles: readonly string[] | undefined;
}

function viewOptions({ missing, kinds }: Subject): KindViewOptions {
  return { kinds, ...(missing === undefined ? {} : { missing }) };
}

function judgeCase(kind: KindPlugin, one: Subject, options: KindViewOptions = {}): JudgedObjects {
  return callPurely(() => judgeObjects(kind, one.root, one.objects, { ...viewOptions(one), ...options }));
}

function answerOf(judged: JudgedObjects): Answer {
  return {
    verdicts: Object.fromEntries(judged.members.map(({ pod, verdict }) => [pod.metadata.uid, verdict])),
    notes: judged.notes,
    roles: judged.roles,
  };
}

function checkExpected(one: KindCase, judged: JudgedObjects): void {
  const expectations = new Map(
    one.members.map((member) => {
      const pod = one.objects.find(
        ({ kind, metadata }) =>
          kind === "Pod" && metadata.name === member.pod && (member.uid === undefined || metadata.uid === member.uid),
      );
      return [pod?.metadata.uid ?? member.pod, member] as const;
    }),
  );
  const describe = (name: string, uid: string): string => `${name} (${uid})`;
  const found: Record<string, unknown> = {};
  for (const { pod, by, verdict } of judged.members) {
    const { uid, name } = pod.metadata;
    found[describe(name, uid)] = {
      state: verdict.state,
      role: verdict.role,
      index: verdict.index,
      labels: verdict.labels ?? {},
      reason: verdict.reason.code,
      by,
    };
    const text = expectations.get(uid)?.message;
    if (text !== undefined) {
      assert.ok(verdict.reason.message.includes(text), `${name}: "${verdict.reason.message}" does not hold "${text}"`);
    }
  }
  const wanted: Record<string, unknown> = {};
  for (const [uid, { pod, state, role, index, labels = {}, reason, by = "owner" }] of expectations) {
    wanted[describe(pod, uid)] = { state, role, index, labels, reason, by };
  }
  assert.deepEqual(found, wanted);
  const said = judged.notes.map(({ message }) => message).join("; ");
  assert.deepEqual(
    judged.notes.map(({ code }) => code),
    one.notes ?? [],
    `notes: ${said === "" ? "none" : said}`,
  );
  if (one.roles !== undefined) assert.deepEqual(judged.roles, one.roles, "roles that the spec names");
}

function checkVerdicts(kind: KindPlugin, one: Subject): void {
  const judged = judgeCase(kind, one);
  for (const note of judged.notes) checkReason("a note", note);
  checkRoles(judged.roles);
  for (const { pod, verdict } of judged.members) {
    const who = `pod ${pod.metadata.name}`;
    assert.ok(isMemberState(verdict.state), `${who}: "${verdict.state as string}" is not a state`);
    for (const key of Object.keys(verdict)) {
      assert.ok(VERDICT_FIELDS.includes(key), `${who}: a verdict has no field "${key}"`);
    }
    for (const [key, value] of Object.entries<unknown>(verdict.labels ?? {})) {
      const isText = typeof value === "string" && value !== "";
      assert.ok(isText, `${who}: the label "${key}" must be a non-empty string`);
    }
    for (const key of ["role", "index"] as const) {
      const value: unknown = verdict[key];
      const isText = typeof value === "string" && value !== "";
      assert.ok(value === undefined || isText, `${who}: ${key} must be a non-empty string, or absent`);
    }
    const getsFiles = ELIGIBLE_STATES.includes(verdict.state);
    assert.ok(!getsFiles || isPodActive(pod), `${who} is not alive and cannot be ${verdict.state}`);
    checkReason(who, verdict.reason);
  }
}

function checkRoles(roles: readonly string[] | undefined): void {
  if (roles === undefined) return;
  for (const role of roles) assert.ok(typeof role === "string" && role !== "", "a role must be a non-empty string");
  assert.equal(new Set(roles).size, roles.length, `roles names one twice: ${roles.join(", ")}`);
}

function checkReason(who: string, reason: Reason): void {
  assert.match(reason.code, KEBAB, `${who}: reason.code must be in kebab-case`);
  const { message } = reason;
  assert.ok(message.trim() === message && message !== "", `${who}: reason.message is empty or padded`);
  assert.ok(!/[\n\r]/.test(message), `${who}: reason.message is more than one line`);
  assert.ok(!message.endsWith("."), `${who}: reason.message ends in a full stop: "${message}"`);
  assert.ok(!/undefined|\[object |NaN/.test(message), `${who}: reason.message contains a missing value: "${message}"`);
  for (const [key, value] of Object.entries(reason.evidence ?? {})) {
    const isPlain = value === null || ["string", "number", "boolean"].includes(typeof value);
    assert.ok(isPlain, `${who}: evidence "${key}" must be a string, a number, true, false or null`);
  }
}

function checkOrder(kind: KindPlugin, one: Subject, seed: number): void {
  const random = seededRandom(seed);
  const expected = answerOf(judgeCase(kind, one));
  const orders = [
    [...one.objects].toReversed(),
    ...Array.from({ length: SHUFFLES }, () => shuffled(one.objects, random)),
    ...pairwiseSwapped(one.objects, SWAPS),
  ];
  for (const objects of orders) {
    assert.deepEqual(
      answerOf(judgeCase(kind, { ...one, objects }, { order: "given" })),
      expected,
      `the answer differs in the order ${objects.map(({ metadata }) => metadata.name).join(", ")}`,
    );
  }
}

function checkPurity(kind: KindPlugin, one: Subject, first: Answer | undefined): void {
  // A kind that swallows the error of a write to a frozen object is detected by its write to one that is not frozen.
  const open = structuredClone({ root: one.root, objects: one.objects });
  callPurely(() => judgeObjects(kind, open.root, open.objects, viewOptions(one)));
  assert.deepEqual(open, { root: one.root, objects: one.objects }, "the kind changed an object");

  const { view, members } = callPurely(() => buildKindView(kind, one.root, one.objects, viewOptions(one)));
  const once = callPurely(() => askAll(kind, view, members));
  assert.deepEqual(
    callPurely(() => askAll(kind, view, members)),
    once,
    "a second judgement differs",
  );
  assert.deepEqual(
    callPurely(() => askAll(kind, view, members.toReversed())),
    once,
    "the order of calls matters",
  );
  const judgement = callPurely(() => kind.judge(view));
  assert.ok(!("then" in judgement), "judge must be synchronous");
  for (const owned of members) {
    const alone = callPurely(() => judgement.pod(owned));
    assert.deepEqual(
      callPurely(() => judgement.pod(owned)),
      alone,
      "a second verdict of one judgement differs",
    );
  }
  // A kind with memory may return consistent answers by now, but not the same as its first answer.
  if (first !== undefined)
    assert.deepEqual(answerOf(judgeCase(kind, one)), first, "the answer differs from the first one");
}

function askAll(kind: KindPlugin, view: KindView, members: readonly OwnedPod[]): Answer {
  const judgement = kind.judge(view);
  return {
    verdicts: Object.fromEntries(members.map((owned) => [owned.pod.metadata.uid, judgement.pod(owned)])),
    notes: judgement.notes ?? [],
    roles: undefined,
  };
}

function checkPlan(kind: KindPlugin, one: Subject): void {
  const plan = callPurely(() => kind.watches(one.root));
  assert.deepEqual(
    callPurely(() => kind.watches(structuredClone(one.root))).watches.map(withoutFunctions),
    plan.watches.map(withoutFunctions),
    "the same root returns a different watch plan",
  );
  for (const watch of plan.watches) {
    if (watch.project === undefined) continue;
    const { project } = watch;
    for (const object of one.objects.filter(({ kind }) => kind === watch.resource.kind)) {
      const projected = callPurely(() => project(object));
      assert.equal(projected.metadata.uid, object.metadata.uid, "project dropped the uid");
      assert.deepEqual(
        callPurely(() => project(deepFreeze(structuredClone(projected)))),
        projected,
        "projecting twice returns a different object",
      );
    }
  }
  assert.deepEqual(
    answerOf(judgeCase(kind, one)),
    answerOf(judgeCase(kind, one, { objects: "whole" })),
    "the watch plan (selectors, project, metadataOnly) withholds what the rule needs",
  );
}

function withoutFunctions(value: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => typeof inner !== "function"));
}

function checkForeignRoot(kind: KindPlugin, one: Subject): void {
  const uid = "ffffffff-ffff-4fff-bfff-ffffffffffff";
  const root = deepFreeze({ ...one.root, metadata: { ...one.root.metadata, uid } });
  assert.deepEqual(judgeCase(kind, { ...one, root }).members, []);
  for (const pod of one.objects.filter(isPod)) {
    const isMatched = callPurely(() => kind.matchesByLabels?.(root, pod) === true);
    assert.ok(
      !isMatched,
      `matchesByLabels matches pod ${pod.metadata.name} for a root that was created again under its name`,
    );
  }
}

function checkAges(kind: KindPlugin, one: Subject, seed: number): void {
  const random = seededRandom(seed + 1);
  const expected = answerOf(judgeCase(kind, one));
  const base = Date.parse("2026-01-01T00:00:00Z");
  const withAges = (ages: readonly number[]): Subject => ({
    ...one,
    root: deepFreeze(aged(one.root, new Date(base).toISOString())),
    objects: one.objects.map((object, at) =>
      deepFreeze(aged(object, new Date(base + (ages[at] ?? 0) * 1000).toISOString())),
    ),
  });
  const ascending = one.objects.map((_, at) => at);
  const ages = [ascending.toReversed(), ascending.map(() => 0), ...[1, 2, 3, 4].map(() => shuffled(ascending, random))];
  for (const order of [ascending, ...ages]) {
    assert.deepEqual(answerOf(judgeCase(kind, withAges(order))), expected, "ages changed the answer");
  }
}

function aged(object: KubeObject, creationTimestamp: string): KubeObject {
  return { ...object, metadata: { ...object.metadata, creationTimestamp: creationTimestamp.replace(".000Z", "Z") } };
}
