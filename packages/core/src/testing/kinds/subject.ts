import type { KindPlugin, Reason, Verdict } from "../../contract/kind.ts";
import type { KindCase } from "./kind-case.ts";
import { judgeObjects, type JudgedObjects, type KindViewOptions } from "./kind-view.ts";
import { callPurely } from "./purity.ts";

/** A case with the kinds that judge delegated children. */
export interface Subject extends KindCase {
  readonly kinds: readonly KindPlugin[];
}

/** Verdicts by pod UID, notes and roles: what two judgements are compared by. */
export interface Answer {
  readonly verdicts: Readonly<Record<string, Verdict>>;
  readonly notes: readonly Reason[];
  readonly roles: readonly string[] | undefined;
}

export function viewOptions({ missing, kinds }: Subject): KindViewOptions {
  return { kinds, ...(missing === undefined ? {} : { missing }) };
}

export function judgeCase(kind: KindPlugin, one: Subject, options: KindViewOptions = {}): JudgedObjects {
  return callPurely(() => judgeObjects(kind, one.root, one.objects, { ...viewOptions(one), ...options }));
}

export function answerOf(judged: JudgedObjects): Answer {
  return {
    verdicts: Object.fromEntries(judged.members.map(({ pod, verdict }) => [pod.metadata.uid, verdict])),
    notes: judged.notes,
    roles: judged.roles,
  };
}
