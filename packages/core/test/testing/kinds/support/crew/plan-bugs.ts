import type { KindDefinition, KubeObject, WatchPlan } from "@kinsync/core/contract";
import { CREW, judgeWith, KEYS, soundCrew, SQUAD, stateOf } from "./crew.ts";
import type { PlantedBug } from "./planted-bug.ts";

const PLAN = "the watch plan is stable and delivers what the rule needs";
const DEFINITION = "the definition is well formed";
const PODS = "every pod has a usable default container, and none is taken without labels";

/** A kind with a changed watch plan. */
const planning = (change: (plan: WatchPlan, root: KubeObject) => object) => (): Partial<KindDefinition> => ({
  watches: (root) => {
    const plan = soundCrew.watches(root);
    return { ...plan, ...change(plan, root) };
  },
});
/** A kind with a changed watch of Squads. */
const watching = (change: object) =>
  planning(({ watches }) => ({ watches: watches.map((watch) => ({ ...watch, ...change })) }));

let calls = 0;

/** Mistakes in the watch plan, the definition and the answers about containers. */
export const PLAN_BUGS: readonly PlantedBug[] = [
  {
    bug: "a selector leaves out workers",
    law: PLAN,
    kind: planning(() => ({ pods: { labelSelector: `${KEYS.part}=leader` } })),
  },
  { bug: "a selector leaves out Squads", law: PLAN, kind: watching({ labelSelector: `${KEYS.squad}=0` }) },
  {
    bug: "the projection drops the labels that the rule reads",
    law: PLAN,
    kind: watching({
      project: ({ apiVersion, kind, metadata }: KubeObject) => {
        const { labels: _, ...kept } = metadata;
        return { apiVersion, kind, metadata: kept };
      },
    }),
  },
  {
    bug: "the projection drops owner references",
    law: PLAN,
    kind: watching({
      project: ({ apiVersion, kind, metadata: { name, uid, labels } }: KubeObject) => ({
        apiVersion,
        kind,
        metadata: { name, uid, labels },
      }),
    }),
  },
  {
    bug: "the projection writes to the object",
    law: "members are as expected",
    kind: watching({ project: (object: KubeObject) => Object.assign(object, { spec: undefined }) }),
  },
  {
    bug: "the rule reads the spec of Squads, of which it requests the metadata only",
    law: PLAN,
    kind: () => ({
      watches: () => ({ watches: [{ resource: SQUAD, metadataOnly: true, optional: true }] }),
      judge: judgeWith({
        state: (view, owned) => {
          const sized = view.owned.some(({ spec }) => spec?.["size"] === 2);
          const { reason, ...verdict } = stateOf(view, owned);
          return { ...verdict, reason: { ...reason, evidence: { ...reason.evidence, sized } } };
        },
      }),
    }),
  },
  {
    bug: "the selector has the revision of the status, which may be missing",
    law: PLAN,
    kind: planning((_, root) => ({
      pods: {
        labelSelector: `${KEYS.crew}=${root.metadata.name},${KEYS.revision}!=${String(root.status?.["former"])}`,
      },
    })),
  },
  {
    bug: "without a status every pod of the namespace is watched",
    law: PLAN,
    kind: planning(({ pods }, root) => ({ pods: root.status === undefined ? {} : pods })),
  },
  {
    bug: "the plan differs from call to call",
    law: PLAN,
    kind: planning((_, root) => ({
      pods: { labelSelector: `${KEYS.crew}=${root.metadata.name},no!=${(calls += 1)}` },
    })),
  },
  { bug: "a field of the plan is misspelt", law: PLAN, kind: planning(() => ({ refer: [] })) },
  { bug: "a field of a watch is misspelt", law: PLAN, kind: watching({ selector: "a=b" }) },
  {
    bug: "a field of the definition is misspelt",
    law: DEFINITION,
    kind: () => ({ infrastucture: ["agent"] }) as Partial<KindDefinition>,
  },
  {
    bug: "`infrastructure` is a text",
    law: DEFINITION,
    kind: () => ({ infrastructure: "agent" }) as unknown as Partial<KindDefinition>,
  },
  {
    bug: "a field of the root's resource is misspelt",
    law: DEFINITION,
    kind: () => ({ root: { ...CREW, shortnames: ["cr"] } }) as Partial<KindDefinition>,
  },
  { bug: "the default container does not exist", law: PODS, kind: () => ({ defaultContainer: () => "crew" }) },
  {
    bug: "the default container is infrastructure",
    law: PODS,
    kind: () => ({ defaultContainer: ({ spec }) => spec.containers[0]?.name }),
  },
  {
    bug: "the default container throws for a pod without annotations",
    law: PODS,
    kind: () => ({
      defaultContainer: ({ metadata }) => (metadata.annotations as Record<string, string>)["example.com/container"],
    }),
  },
  {
    bug: "the default container throws for a pod without init containers",
    law: PODS,
    kind: () => ({
      defaultContainer: ({ spec }) => (spec.initContainers as readonly { readonly name: string }[])[0]?.name,
    }),
  },
];
