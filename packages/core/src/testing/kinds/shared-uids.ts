import assert from "node:assert/strict";
import type { KubeObject } from "../../contract/resource.ts";
import type { JudgeObjects } from "./derived-cases.ts";
import { isPod } from "./kind-view.ts";
import { deepFreeze } from "./purity.ts";
import { withUids, type Objects } from "./rewrite.ts";
import { rulingsOf } from "./rulings.ts";

/** A case, and how its objects are judged. */
export interface Play {
  readonly name: string;
  readonly objects: Objects;
  readonly judge: JudgeObjects;
}

/**
 * Gives the same UIDs to the objects of all cases and judges the cases one after the other, there and back, and between two judgements
 * of each the same objects in another state. A kind that remembers anything by UID then answers with what it saw before.
 */
export function checkSharedUids(plays: readonly Play[]): void {
  const rounds = plays.map(({ name, objects, judge }, at) => {
    const positions = new Map(
      [objects.root, ...objects.objects].map(({ kind, metadata }, index) => [
        metadata.uid,
        kind === "Pod" ? `pod-${index}` : index === 0 ? "root" : `object-${index}`,
      ]),
    );
    const apart = withUids(objects, (uid) => prefixed(`case-${at}`, positions.get(uid)));
    const shared = withUids(objects, (uid) => prefixed("shared", positions.get(uid)));
    const expected = rulingsOf(judge(apart), (uid) => uid.replace(`case-${at}`, "shared"));
    return { name, shared, expected, judge };
  });
  for (const { name, shared, expected, judge } of [...rounds, ...rounds.toReversed()]) {
    const check = (when: string): void => {
      assert.deepEqual(
        rulingsOf(judge(shared)),
        expected,
        `case "${name}" with UIDs that other cases have, too, gets another answer ${when}: the kind remembers`,
      );
    };
    check("after the other cases");
    judge({ root: bare(shared.root), objects: shared.objects.map(bare) });
    check("after its objects were in another state");
  }
}

/** The object before anything was reported or set; a pod that ended. */
function bare(object: KubeObject): KubeObject {
  const { status: _, ...rest } = object;
  const { labels: _labels, annotations: _annotations, ...metadata } = object.metadata;
  return deepFreeze({ ...rest, metadata, ...(isPod(object) ? { status: { phase: "Failed" } } : {}) });
}

function prefixed(prefix: string, position: string | undefined): string | undefined {
  return position === undefined ? undefined : `${prefix}-${position}`;
}
