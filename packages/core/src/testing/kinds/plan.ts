import assert from "node:assert/strict";
import type { KindPlugin, WatchPlan } from "../../contract/kind.ts";
import { checkedPlan } from "../../plugins/kind-answers.ts";
import { callPurely, deepFreeze } from "./purity.ts";
import { answerOf, judgeCase, type Subject } from "./subject.ts";

/** Fails if the watch plan changes by itself, or delivers less than the rule needs. */
export function checkPlan(kind: KindPlugin, one: Subject): void {
  const plan = checkedPlan(callPurely(() => kind.watches(one.root)));
  assert.deepEqual(
    sourcesOf(callPurely(() => kind.watches(deepFreeze(structuredClone(one.root))))),
    sourcesOf(plan),
    "the same root returns a different watch plan",
  );
  checkEarlyPlan(kind, one, plan);
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

/** Before the controller reports a status, a root watches nothing that it does not watch afterwards: kinsync would start it for nothing. */
function checkEarlyPlan(kind: KindPlugin, one: Subject, plan: WatchPlan): void {
  const { status: _, ...early } = one.root;
  const later = sourcesOf(plan);
  for (const source of sourcesOf(checkedPlan(callPurely(() => kind.watches(deepFreeze(early)))))) {
    assert.ok(
      later.includes(source),
      `without the status of the root the watch plan has ${source}, which it does not have with the status`,
    );
  }
  for (const source of later) {
    assert.ok(!/undefined|\[object |NaN/.test(source), `the watch plan contains a missing value: ${source}`);
  }
}

function sourcesOf({ watches, pods, refers = [] }: WatchPlan): readonly string[] {
  return [
    ...watches.map((watch) => `the watch ${JSON.stringify(withoutFunctions(watch))}`),
    ...refers.map((reference) => `the reference ${JSON.stringify(withoutFunctions(reference))}`),
    `the pods ${JSON.stringify(pods ?? {})}`,
  ];
}

function withoutFunctions(value: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => typeof inner !== "function"));
}
