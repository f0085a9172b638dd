import type { KindDefinition, KindView, Judgement } from "@kinsync/core/contract";
import { as, judgeWith, KEYS, labelOf, soundCrew, stateOf } from "./crew.ts";

/** Other ways to write the same kind: the kit must accept them. */
export const HARMLESS: Readonly<Record<string, () => Partial<KindDefinition>>> = {
  "messages have other words": () => ({
    judge: judgeWith({
      state: (view, owned) => {
        const { reason, ...verdict } = stateOf(view, owned);
        return { ...verdict, reason: { ...reason, message: "in other words" } };
      },
    }),
  }),
  "judgements are kept as long as their view": () => {
    const kept = new WeakMap<KindView, Judgement>();
    return {
      judge: (view) => {
        const judgement = kept.get(view) ?? soundCrew.judge(view);
        kept.set(view, judgement);
        return judgement;
      },
    };
  },
  "times of objects are parsed": () => ({
    judge: judgeWith({
      state: (view, owned) => {
        const created = new Date(owned.pod.metadata.creationTimestamp ?? 0);
        return Number.isNaN(created.getTime()) ? as("unsettled", "revision-unknown") : stateOf(view, owned);
      },
    }),
  }),
  "owned objects are sorted in a copy": () => ({
    judge: (view) => soundCrew.judge({ ...view, owned: view.owned.toReversed() }),
  }),
  "whole Squads are watched, and all pods of the namespace": () => ({
    watches: () => ({
      watches: [{ resource: { group: "example.com", version: "v1", kind: "Squad", plural: "squads" }, optional: true }],
    }),
  }),
  "the set of pods is judged at once": () => ({
    judgesSet: true,
    judge: (view) => {
      const verdicts = new Map(view.pods.map((owned) => [owned.pod.metadata.uid, stateOf(view, owned)]));
      return judgeWith({ state: (_, owned) => verdicts.get(owned.pod.metadata.uid) ?? stateOf(view, owned) })(view);
    },
  }),
  "pods are matched by UID and name of the Crew": () => ({
    matchesByLabels: (root, pod) =>
      labelOf(pod, KEYS.uid) === root.metadata.uid && labelOf(pod, KEYS.crew) === root.metadata.name,
  }),
};
