import type { KindView, KubeObject, OwnedPod, Verdict } from "@kinsync/core/contract";
import {
  as,
  attemptOf,
  indexOf,
  isBehind,
  judgeWith,
  KEYS,
  labelOf,
  numberOf,
  partitionOf,
  roleOf,
  soundCrew,
  stateOf,
  type CrewParts,
} from "./crew.ts";
import { EXPECTED, type MissedBug, type PlantedBug } from "./planted-bug.ts";

const ENDINGS = "a pod that ends gets no files";
const MISSING = "a missing status or missing labels do not make the kind throw";
const FORM = "each owned pod has one well-formed verdict";

/** A kind that judges pods so. */
const judging = (state: CrewParts["state"]) => () => ({ judge: judgeWith({ state }) });
/** A kind that answers what the sound one answers, but for what is changed. */
const answering = (change: (verdict: Verdict) => object) => () => ({
  judge: judgeWith({ state: (view, owned) => ({ ...stateOf(view, owned), ...change(stateOf(view, owned)) }) }),
});
/** The pod as if nothing had ended it. */
const asAlive = ({ pod, ...owned }: OwnedPod, phase = "Running"): OwnedPod => {
  const { deletionTimestamp: _, ...metadata } = pod.metadata;
  return { ...owned, pod: { ...pod, metadata, status: { ...pod.status, phase } } };
};
const statusOf = ({ root }: KindView) => root.status as Record<string, unknown>;
const labelIn = ({ metadata }: Pick<KubeObject, "metadata">, key: string): string =>
  (metadata.labels as Record<string, string>)[key] as string;

/** Mistakes about the states of pods, and about what is missing. */
export const STATE_BUGS: readonly PlantedBug[] = [
  {
    bug: "a pod that is being deleted counts as alive",
    law: ENDINGS,
    kind: judging((view, owned) => stateOf(view, asAlive(owned, owned.pod.status?.phase))),
  },
  {
    bug: "a pod that has ended counts as alive",
    law: ENDINGS,
    kind: judging((view, owned) =>
      owned.pod.metadata.deletionTimestamp === undefined ? stateOf(view, asAlive(owned)) : stateOf(view, owned),
    ),
  },
  {
    bug: "only a failed pod has ended",
    law: ENDINGS,
    kind: judging((view, owned) =>
      owned.pod.status?.phase === "Succeeded" ? stateOf(view, asAlive(owned)) : stateOf(view, owned),
    ),
  },
  {
    bug: "a pod that is being deleted is superseded",
    law: ENDINGS,
    kind: judging((view, owned) =>
      owned.pod.metadata.deletionTimestamp === undefined ? stateOf(view, owned) : as("superseded", "pod-terminating"),
    ),
  },
  {
    bug: "a worker ends only with its leader",
    law: ENDINGS,
    kind: judging((view, owned) =>
      labelOf(owned.pod, KEYS.part) === "worker" ? stateOf(view, asAlive(owned)) : stateOf(view, owned),
    ),
  },
  {
    bug: "pods of a Squad that is being deleted stay current",
    law: EXPECTED,
    kind: judging((view, owned) =>
      stateOf(view, {
        ...owned,
        owners: owned.owners.map((owner) => {
          const { deletionTimestamp: _, ...metadata } = owner.metadata;
          return { ...owner, metadata };
        }),
      }),
    ),
  },
  {
    bug: "the status is read without a check",
    law: MISSING,
    kind: judging((view, owned) =>
      statusOf(view)["revision"] === undefined ? as("unsettled", "revision-unknown") : stateOf(view, owned),
    ),
  },
  {
    bug: "a label of a pod is read without a check",
    law: MISSING,
    kind: () => ({ judge: judgeWith({ role: ({ pod }) => labelIn(pod, KEYS.part).toLowerCase() }) }),
  },
  {
    bug: "a label of a Squad is read without a check",
    law: MISSING,
    kind: judging((view, owned) => {
      const isOff = owned.owners.some(
        (owner) => owner.kind === "Squad" && labelIn(owner, KEYS.attempt).startsWith("-"),
      );
      return isOff ? as("helper", "cleanup") : stateOf(view, owned);
    }),
  },
  {
    bug: "the Squad of a pod is read, also where Squads may not be watched",
    law: "a missing watch or a child without a kind do not make the kind throw",
    kind: judging((view, owned) => {
      const [squad] = owned.owners as readonly [KubeObject, ...KubeObject[]];
      return squad.kind === "Platoon" ? as("helper", "cleanup") : stateOf(view, owned);
    }),
  },
  {
    bug: "a missing revision is written into the message",
    law: MISSING,
    kind: answering(({ reason, ...verdict }) => ({
      ...verdict,
      reason: { ...reason, message: `its revision is ${String(reason.evidence?.["revision"])}` },
    })),
  },
  {
    bug: "the role is an empty text where the label is missing",
    law: MISSING,
    kind: () => ({ judge: judgeWith({ role: (owned) => roleOf(owned) ?? "" }) }),
  },
  {
    bug: "a Crew without a status counts as up to date",
    law: EXPECTED,
    kind: judging((view, owned) =>
      view.root.status === undefined ? as("current", "at-revision") : stateOf(view, owned),
    ),
  },
  {
    bug: "an old status is believed",
    law: EXPECTED,
    kind: judging((view, owned) =>
      stateOf({ ...view, root: { ...view.root, metadata: { ...view.root.metadata, generation: 0 } } }, owned),
    ),
  },
  {
    bug: "every pod is current until the controller has observed the spec",
    law: "a newer generation or a deletion makes nothing current",
    kind: judging((view, owned) => {
      const verdict = stateOf(view, owned);
      const isOpen = verdict.state === "superseded" || verdict.state === "unsettled";
      return isOpen && isBehind(view) ? as("current", "at-revision") : verdict;
    }),
  },
  {
    bug: "the attempt is compared with the generation",
    law: "a newer generation or a deletion makes nothing current",
    kind: judging((view, owned) => {
      const verdict = stateOf(view, owned);
      const isLate = numberOf(view.root.metadata.generation) > 1 && verdict.state === "superseded";
      return isLate ? as("current", "at-revision") : verdict;
    }),
  },
  {
    bug: "what the partition keeps is current",
    law: EXPECTED,
    kind: answering(({ state }) => (state === "kept" ? { state: "current" } : {})),
  },
  {
    bug: "the partition is not read",
    law: EXPECTED,
    kind: answering(({ state, ...verdict }) =>
      state === "kept" ? as("superseded", "revision-behind") : { state, ...verdict },
    ),
  },
  {
    bug: "the partition counts one Squad too few",
    law: EXPECTED,
    kind: judging((view, owned) =>
      stateOf(
        { ...view, root: { ...view.root, spec: { ...view.root.spec, partition: partitionOf(view) - 1 } } },
        owned,
      ),
    ),
  },
  {
    bug: "everything is current",
    law: EXPECTED,
    kind: judging((view, owned) => {
      const verdict = stateOf(view, owned);
      return verdict.state === "superseded" ? as("current", "at-revision") : verdict;
    }),
  },
  {
    bug: "the attempt is not read",
    law: EXPECTED,
    kind: judging((view, owned) =>
      stateOf({ ...view, root: { ...view.root, status: { ...view.root.status, attempt: 0 } } }, owned),
    ),
  },
  {
    bug: "helper pods get files",
    law: EXPECTED,
    kind: answering(({ state, ...verdict }) =>
      state === "helper" ? as("current", "at-revision") : { state, ...verdict },
    ),
  },
  {
    bug: "a worker gets the index of no Squad",
    law: EXPECTED,
    kind: () => ({ judge: judgeWith({ index: (owned) => (owned.owners.length > 1 ? undefined : indexOf(owned)) }) }),
  },
  {
    bug: "the note is left out",
    law: EXPECTED,
    kind: () => ({ judge: (view) => ({ ...soundCrew.judge(view), notes: [] }) }),
  },
  { bug: "a state that does not exist", law: FORM, kind: answering(() => ({ state: "stale" })) },
  { bug: "a field that no verdict has", law: FORM, kind: answering(() => ({ rolle: "leader" })) },
  { bug: "a label that is a number", law: FORM, kind: answering(() => ({ labels: { squad: 1 } })) },
  {
    bug: "evidence that is an object",
    law: FORM,
    kind: answering(({ reason }) => ({ reason: { ...reason, evidence: { labels: {} } } })),
  },
  {
    bug: "a message of two lines",
    law: FORM,
    kind: answering(({ reason }) => ({ reason: { ...reason, message: "one\ntwo" } })),
  },
  { bug: "a role is named twice", law: FORM, kind: () => ({ roles: () => ["leader", "leader"] }) },
];

/** The state, with numbers compared as texts: `"10" < "9"`. */
function stateByText(view: KindView, owned: OwnedPod): Verdict {
  const verdict = stateOf(view, owned);
  const isOpen = verdict.state === "current" || verdict.reason.code === "attempt-behind";
  if (!isOpen) return verdict;
  const isOlder = String(attemptOf(owned)) < String(numberOf(view.root.status?.["attempt"]));
  return isOlder ? as("superseded", "attempt-behind") : verdict;
}

/** Mistakes that show only in a situation that no case has and no requirement can derive. */
export const MISSED_BUGS: readonly MissedBug[] = [
  {
    bug: "attempts are compared as texts",
    why: "no case has an attempt of two digits, and the kit does not know which numbers of an object belong together",
    kind: judging(stateByText),
  },
  {
    bug: "an attempt that the status does not count yet is superseded",
    why: "no case has a Squad of the next attempt; only the controller knows that it may come before the status",
    kind: judging((view, owned) => {
      const isNext = attemptOf(owned) > numberOf(view.root.status?.["attempt"]);
      return isNext ? as("superseded", "attempt-other") : stateOf(view, owned);
    }),
  },
  {
    bug: "a revision that is rolled back to is superseded",
    why: "no case has a rollback, and that a hash came earlier is written nowhere in the objects",
    kind: judging((view, owned) => {
      const verdict = stateOf(view, owned);
      const wanted = String(view.root.status?.["revision"]);
      const isNewest = view.owned.every((squad) => (labelOf(squad, KEYS.revision) ?? "") <= wanted);
      return verdict.state === "current" && !isNewest ? as("superseded", "revision-behind") : verdict;
    }),
  },
];
