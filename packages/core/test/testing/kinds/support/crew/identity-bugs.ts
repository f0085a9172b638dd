import type { KindDefinition, KindView, KubeObject, OwnedPod } from "@kinsync/core/contract";
import { as, attemptOf, judgeWith, KEYS, labelOf, numberOf, soundCrew, SQUAD, stateOf } from "./crew.ts";
import type { PlantedBug } from "./planted-bug.ts";

const squadOf = ({ owners }: OwnedPod): KubeObject | undefined => owners.find(({ kind }) => kind === "Squad");
const created = ({ metadata }: Pick<KubeObject, "metadata">): string => metadata.creationTimestamp ?? "";
const currentIf = (view: KindView, owned: OwnedPod, isCurrent: boolean) => {
  const verdict = stateOf(view, owned);
  if (verdict.state !== "current" && verdict.state !== "superseded") return verdict;
  return isCurrent ? as("current", "at-revision") : as("superseded", "revision-behind");
};

const [AGES, NAMES, UIDS] = ["ages change nothing", "names decide nothing", "UIDs identify and decide nothing else"];
const ORDER = "order does not matter";
const REFERENCES = "a reference without a controller makes no member";

/** Mistakes about time, order, names, UIDs and owner references. */
export const IDENTITY_BUGS: readonly PlantedBug[] = [
  {
    bug: "the newest Squad wins",
    law: AGES ?? "",
    kind: () => ({
      judge: judgeWith({
        state: (view, owned) => {
          const newest = view.owned.toSorted((a, b) => created(b).localeCompare(created(a)))[0];
          return currentIf(view, owned, squadOf(owned) === newest);
        },
      }),
    }),
  },
  {
    bug: "the oldest pod is a leader",
    law: AGES ?? "",
    kind: () => ({
      judgesSet: true,
      judge: judgeWith({
        role: ({ pod }, view) =>
          view.pods.every((other) => created(other.pod) >= created(pod)) ? "leader" : labelOf(pod, KEYS.part),
      }),
    }),
  },
  {
    bug: "a pod older than its Squad is superseded",
    law: AGES ?? "",
    kind: () => ({
      judge: judgeWith({
        state: (view, owned) => {
          const squad = squadOf(owned);
          return currentIf(view, owned, squad === undefined || created(squad) <= created(owned.pod));
        },
      }),
    }),
  },
  {
    bug: "the last owned object is the current one",
    law: ORDER,
    kind: () => ({
      judge: judgeWith({ state: (view, owned) => currentIf(view, owned, squadOf(owned) === view.owned.at(-1)) }),
    }),
  },
  {
    bug: "the first pod of the set is the leader",
    law: ORDER,
    kind: () => ({
      judgesSet: true,
      judge: judgeWith({ role: ({ pod }, view) => (view.pods[0]?.pod === pod ? "leader" : "worker") }),
    }),
  },
  {
    bug: "the index is the place in the list of pods",
    law: ORDER,
    kind: () => ({
      judgesSet: true,
      judge: judgeWith({
        index: ({ pod }, view) => String(view.pods.findIndex((other) => other.pod.metadata.uid === pod.metadata.uid)),
      }),
    }),
  },
  {
    bug: "the Squad with the greatest UID wins",
    law: UIDS ?? "",
    kind: () => ({
      judge: judgeWith({
        state: (view, owned) => {
          const greatest = view.owned
            .map(({ metadata }) => metadata.uid)
            .toSorted()
            .at(-1);
          return currentIf(view, owned, squadOf(owned)?.metadata.uid === greatest);
        },
      }),
    }),
  },
  {
    bug: "the role is in the UID of the pod",
    law: UIDS ?? "",
    kind: () => ({ judge: judgeWith({ role: ({ pod }) => pod.metadata.uid.split("-")[0] }) }),
  },
  {
    bug: "the role is read from the pod's name",
    law: NAMES ?? "",
    kind: () => ({
      judge: judgeWith({
        role: ({ pod }) => ["leader", "worker", "cleanup"].find((part) => pod.metadata.name.includes(part)),
      }),
    }),
  },
  {
    bug: "the index is the number in the pod's name",
    law: NAMES ?? "",
    kind: () => ({ judge: judgeWith({ index: ({ pod }) => /-(\d+)-/.exec(pod.metadata.name)?.[1] }) }),
  },
  {
    bug: "the attempt is the number that ends the Squad's name",
    law: NAMES ?? "",
    kind: () => ({
      judge: judgeWith({
        state: (view, owned) => {
          const attempt = Number(/-(\d+)$/.exec(squadOf(owned)?.metadata.name ?? "-0")?.[1] ?? -1);
          if (attempt < numberOf(view.root.status?.["attempt"])) return as("superseded", "attempt-behind");
          return attempt === attemptOf(owned) ? stateOf(view, owned) : as("unsettled", "attempt-unknown");
        },
      }),
    }),
  },
  {
    bug: "only pods whose name begins with the Crew's name count",
    law: NAMES ?? "",
    kind: () => ({
      judge: judgeWith({
        state: (view, owned) =>
          owned.pod.metadata.name.startsWith(`${view.root.metadata.name}-`)
            ? stateOf(view, owned)
            : as("helper", "cleanup"),
      }),
    }),
  },
  {
    bug: "verdicts are remembered by the pod's name",
    law: NAMES ?? "",
    kind: () => {
      const known = new Map<string, ReturnType<typeof stateOf>>();
      const state = (view: KindView, owned: OwnedPod) => {
        const { name } = owned.pod.metadata;
        const verdict = known.get(`${view.root.metadata.uid} ${name}`) ?? stateOf(view, owned);
        known.set(`${view.root.metadata.uid} ${name}`, verdict);
        return verdict;
      };
      return { judge: judgeWith({ state }) };
    },
  },
  {
    bug: "every owner reference of a pod counts",
    law: REFERENCES,
    kind: () => ({
      watches: (root) => ({ ...soundCrew.watches(root), pods: { owner: "any" } }),
    }),
  },
  {
    bug: "every owner reference of a Squad counts",
    law: REFERENCES,
    kind: () => ({
      watches: (root) => {
        const { watches, pods = {} } = soundCrew.watches(root);
        return { watches: watches.map((watch) => ({ ...watch, owner: "any" as const })), pods };
      },
    }),
  },
  {
    bug: "pods are matched by the label with the Crew's name",
    law: "a root of the same name and another UID owns nothing",
    kind: () => ({ matchesByLabels: (root, pod) => labelOf(pod, KEYS.crew) === root.metadata.name }),
  },
  {
    bug: "every pod is matched by its labels",
    law: "every pod has a usable default container, and none is taken without labels",
    kind: () => ({ matchesByLabels: () => true }),
  },
  {
    bug: "the match by labels throws for a pod without labels",
    law: "every pod has a usable default container, and none is taken without labels",
    kind: () => ({
      matchesByLabels: (root, { metadata }) =>
        (metadata.labels as Record<string, string>)[KEYS.uid] === root.metadata.uid,
    }),
  },
  {
    bug: "the match by labels returns a text",
    law: "every pod has a usable default container, and none is taken without labels",
    kind: () =>
      ({ matchesByLabels: (_, pod) => labelOf(pod, KEYS.uid) ?? "" }) as {
        matchesByLabels: (...args: Parameters<NonNullable<KindDefinition["matchesByLabels"]>>) => never;
      },
  },
  {
    bug: "the Squads are watched by the kind of another group",
    law: "members are as expected",
    kind: () => ({
      watches: (root) => ({
        ...soundCrew.watches(root),
        watches: [{ resource: { ...SQUAD, group: "crews.example.com" }, optional: true }],
      }),
    }),
  },
];
