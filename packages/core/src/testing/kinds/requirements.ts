import assert from "node:assert/strict";
import type { KindPlugin, KindView, OwnedPod } from "../../contract/kind.ts";
import type { KubeObject } from "../../contract/resource.ts";
import { resourceName } from "../../kube/resource-path.ts";
import { buildKindView, isPod, judgeObjects, type JudgedObjects } from "./kind-view.ts";
import { callPurely, deepFreeze } from "./purity.ts";
import { pairwiseSwapped, seededRandom, shuffled } from "./shuffle.ts";
import { answerOf, judgeCase, viewOptions, type Answer, type Subject } from "./subject.ts";
import { checkWellFormed } from "./well-formed.ts";

const SHUFFLES = 24;
const SWAPS = 300;

export function checkOrder(kind: KindPlugin, one: Subject, seed: number): void {
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

export function checkPurity(kind: KindPlugin, one: Subject, first: Answer | undefined): void {
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

export function checkForeignRoot(kind: KindPlugin, one: Subject): void {
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

export function checkAges(kind: KindPlugin, one: Subject, seed: number): void {
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

/** Takes each optional watch, all of them, and the kinds of the children away. The members may differ; the kind must judge them. */
export function checkMissingSources(kind: KindPlugin, one: Subject): void {
  const { watches, refers = [] } = callPurely(() => kind.watches(one.root));
  const optional = [...watches, ...refers].filter((source) => source.optional === true);
  const names = [...new Set(optional.map(({ resource }) => resourceName(resource)))];
  const lacking: readonly (readonly [what: string, change: Partial<Subject>])[] = [
    ...names.map((name) => [`without ${name}`, { missing: [name] }] as const),
    [`without ${names.join(", ")}`, { missing: names }],
    ["without the kinds of its children", { kinds: [] }],
  ];
  for (const [what, change] of lacking) {
    let judged: JudgedObjects;
    try {
      judged = judgeCase(kind, { ...one, ...change });
    } catch (error) {
      throw new assert.AssertionError({ message: `the kind throws ${what}: ${String(error)}` });
    }
    checkWellFormed(judged, `${what}: `);
  }
}
