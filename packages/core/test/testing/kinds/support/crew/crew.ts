import { defineKind, verdictOfInactivePod } from "@kinsync/core/contract";
import type { KindDefinition, KindPlugin, KindView, KubeObject, OwnedPod, Pod, Verdict } from "@kinsync/core/contract";

export const CREW = { group: "example.com", version: "v1", kind: "Crew", plural: "crews" };
export const SQUAD = { group: "example.com", version: "v1", kind: "Squad", plural: "squads" };

/** Labels that the controller of Crews sets on Squads and pods. */
export const KEYS = {
  crew: "example.com/crew",
  uid: "example.com/crew-uid",
  revision: "example.com/revision",
  attempt: "example.com/attempt",
  squad: "example.com/squad",
  part: "example.com/part",
};

export const labelOf = ({ metadata }: Pick<KubeObject, "metadata">, key: string): string | undefined =>
  metadata.labels?.[key];

export const numberOf = (value: unknown): number => Number(value ?? 0);

/** The parts of the rule that a mistake can replace. */
export interface CrewParts {
  readonly state: (view: KindView, owned: OwnedPod) => Verdict;
  readonly role: (owned: OwnedPod, view: KindView) => string | undefined;
  readonly index: (owned: OwnedPod, view: KindView) => string | undefined;
}

/** Attempt of the pod's Squad, which is above the leader of a worker. */
export const attemptOf = ({ pod, owners }: OwnedPod): number =>
  numberOf(labelOf(owners.find(({ kind }) => kind === "Squad") ?? pod, KEYS.attempt));

export const isBehind = ({ root }: KindView): boolean =>
  numberOf(root.status?.["observedGeneration"]) < numberOf(root.metadata.generation);

export const partitionOf = ({ root }: KindView): number => numberOf(root.spec?.["partition"]);

export const as = (state: Verdict["state"], code: string, evidence: Verdict["reason"]["evidence"] = {}): Verdict => ({
  state,
  reason: { code, message: "revision, attempt and Squad were compared", evidence },
});

/**
 * The state of a pod of a Crew. Its Squads are replaced one after the other at a new revision, from the last one down to the partition,
 * and all of them with a new attempt. Pods of a Squad are a leader and its workers, which the leader owns.
 */
export function stateOf(view: KindView, owned: OwnedPod): Verdict {
  const { pod, owners } = owned;
  const ended = verdictOfInactivePod(pod);
  if (ended !== undefined) return ended;
  if (owners.some(({ metadata }) => metadata.deletionTimestamp !== undefined))
    return as("terminating", "owner-deleting");
  if (labelOf(pod, KEYS.part) === "cleanup") return as("helper", "cleanup");
  const wanted = view.root.status?.["revision"];
  const revision = labelOf(pod, KEYS.revision);
  if (typeof wanted !== "string" || revision === undefined) return as("unsettled", "revision-unknown");
  const evidence = { wanted, revision };
  if (attemptOf(owned) < numberOf(view.root.status?.["attempt"])) return as("superseded", "attempt-behind", evidence);
  if (isBehind(view)) return as("unsettled", "generation-not-observed", evidence);
  if (revision === wanted) return as("current", "at-revision", evidence);
  const isKept = numberOf(labelOf(pod, KEYS.squad)) < partitionOf(view);
  return isKept ? as("kept", "below-partition", evidence) : as("superseded", "revision-behind", evidence);
}

export const roleOf = ({ pod }: OwnedPod): string | undefined => labelOf(pod, KEYS.part);

export const indexOf = ({ pod }: OwnedPod): string | undefined => labelOf(pod, KEYS.squad);

/** The `judge` of a Crew with some parts replaced. */
export function judgeWith(parts: Partial<CrewParts>): KindDefinition["judge"] {
  const { state = stateOf, role: roleIn = roleOf, index: indexIn = indexOf } = parts;
  return (view) => ({
    pod: (owned) => {
      const role = roleIn(owned, view);
      const index = indexIn(owned, view);
      const place = { ...(role === undefined ? {} : { role }), ...(index === undefined ? {} : { index }) };
      return { ...state(view, owned), ...place };
    },
    notes: view.root.spec?.["paused"] === true ? [{ code: "paused", message: "the Crew is paused" }] : [],
  });
}

/** A sound kind, as large as those of real controllers. */
export const soundCrew: KindDefinition = {
  name: "crew",
  root: CREW,
  watches: (root) => ({
    watches: [
      {
        resource: SQUAD,
        labelSelector: `${KEYS.crew}=${root.metadata.name}`,
        optional: true,
        project: ({ apiVersion, kind, metadata }) => ({ apiVersion, kind, metadata }),
      },
    ],
    pods: { labelSelector: `${KEYS.crew}=${root.metadata.name}` },
  }),
  judge: judgeWith({}),
  matchesByLabels: (root, pod) => labelOf(pod, KEYS.uid) === root.metadata.uid,
  infrastructure: ["agent"],
  defaultContainer: ({ spec }: Pod) => spec.containers.find(({ name }) => name === "main")?.name,
  roles: () => ["leader", "worker"],
};

export const crew = (change: Partial<KindDefinition> = {}): KindPlugin => defineKind({ ...soundCrew, ...change });
