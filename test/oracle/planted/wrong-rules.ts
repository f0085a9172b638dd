import { defineKind, type KindPlugin, type OwnedPod, type Verdict } from "@kinsync/core/contract";

/** A wrong rule, made of the right one. */
export interface WrongRule {
  readonly name: string;
  readonly plant: (kind: KindPlugin) => KindPlugin;
}

/** Replaces the verdict of every pod. */
function replacing(
  name: string,
  replace: (verdict: Verdict, owned: OwnedPod, owners: readonly OwnedPod["owners"][number][]) => Verdict,
): WrongRule {
  return {
    name,
    plant: (kind) =>
      defineKind({
        ...kind,
        judge: (view) => {
          const judgement = kind.judge(view);
          return { ...judgement, pod: (owned) => replace(judgement.pod(owned), owned, view.owned) };
        },
      }),
  };
}

function stateFor(from: Verdict["state"], to: Verdict["state"]): (verdict: Verdict) => Verdict {
  return (verdict) => (verdict.state === from ? { ...verdict, state: to } : verdict);
}

/** Wrong for each kind whose pods can be in the state; histories that never lead there refute nothing. */
export const WRONG_STATES: readonly WrongRule[] = [
  replacing("obsolete pods get files", stateFor("superseded", "kept")),
  replacing("pods on their way out get files", stateFor("terminating", "current")),
  replacing("pods that have ended get files", stateFor("finished", "current")),
  replacing("helpers get files", stateFor("helper", "current")),
  replacing("pods that stay on purpose get none", stateFor("kept", "superseded")),
  replacing("what is not known counts as current", stateFor("unsettled", "current")),
  replacing("what is not known counts as obsolete", stateFor("unsettled", "superseded")),
  replacing("every index is one too high", (verdict) =>
    verdict.index === undefined
      ? verdict
      : { ...verdict, index: verdict.index.replace(/\d+$/, (text) => String(Number(text) + 1)) },
  ),
  replacing("every role is the same", (verdict) =>
    verdict.role === undefined ? verdict : { ...verdict, role: "main" },
  ),
];

/** The mistake that kinsync exists to avoid: a newer owner replaces the older ones. */
export const NEWEST_OWNER: WrongRule = replacing(
  "the newest owner replaces the older ones",
  (verdict, { owners }, all) => {
    const ages = all.map(({ metadata }) => metadata.creationTimestamp ?? "");
    const newest = ages.reduce((a, b) => (a > b ? a : b), "");
    const isNewest = owners.some(({ metadata }) => metadata.creationTimestamp === newest);
    if (verdict.state !== "current" && verdict.state !== "superseded") return verdict;
    return { ...verdict, state: isNewest ? "current" : "superseded" };
  },
);
