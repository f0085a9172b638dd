import type { KubeObject, MemberState } from "@kinsync/core/contract";
import type { TruthMoment } from "@kinsync/core/testing";
import { differences } from "./count-states.ts";

const PREFIX = "leaderworkerset.sigs.k8s.io/";
const REVISION = `${PREFIX}template-revision-hash`;

interface LeaderWorkerSetStatus {
  readonly replicas?: number;
  readonly updatedReplicas?: number;
}

/**
 * Compares a truth with the counts of the LeaderWorkerSet controller (`updateStatus` and `updateConditions`, lws
 * `pkg/controllers/leaderworkerset_controller.go`): `replicas` counts the leaders, `updatedReplicas` those of the newest revision whose
 * workers have it, too, for groups of several pods. Both count a leader that is being deleted until it is gone.
 * @returns the differences
 */
export function leaderWorkerSetCounts({ truth, root, objects }: TruthMoment): readonly string[] {
  if (root === undefined) return ["the LeaderWorkerSet does not exist"];
  const { replicas = 0, updatedReplicas = 0 }: LeaderWorkerSetStatus = root.status ?? {};
  const { members } = truth.truth;
  const sets = objects.filter(({ kind }) => kind === "StatefulSet");
  const setNamed = (name: string): KubeObject | undefined => sets.find(({ metadata }) => metadata.name === name);
  const wanted = setNamed(root.metadata.name)?.metadata.labels?.[REVISION];
  const pods = objects.filter(({ kind, metadata }) => kind === "Pod" && members[metadata.name] !== undefined);
  const leaders = pods.filter(({ metadata }) => metadata.labels?.[`${PREFIX}worker-index`] === "0");
  const isUpdated = (object: KubeObject | undefined): boolean => object?.metadata.labels?.[REVISION] === wanted;
  const updated = leaders.filter((leader) => isUpdated(leader) && isUpdated(setNamed(leader.metadata.name)));
  const goes = (pod: KubeObject): boolean =>
    [pod, ...leaders.filter((leader) => isOfSameGroup(leader, pod))].some(
      ({ metadata }) => metadata.deletionTimestamp !== undefined,
    );
  const wrong = pods.flatMap((pod) => {
    const { name } = pod.metadata;
    const state = members[name];
    if (state !== undefined && possibleStates(goes(pod), isUpdated(pod)).includes(state)) return [];
    return [`${name} is ${state}, goes: ${goes(pod)}, is of the newest revision: ${isUpdated(pod)}`];
  });
  return [
    ...differences("leaders exist", leaders.length, "status.replicas", replicas),
    ...differences("groups are of the newest revision", updated.length, "status.updatedReplicas", updatedReplicas),
    ...wrong,
  ];
}

/** Whether a partition keeps a group, no count of the controller states. */
function possibleStates(goes: boolean, isUpdated: boolean): readonly MemberState[] {
  if (goes) return ["terminating"];
  return isUpdated ? ["current"] : ["kept", "superseded"];
}

function isOfSameGroup(one: KubeObject, other: KubeObject): boolean {
  const label = `${PREFIX}group-index`;
  return one.metadata.labels?.[label] === other.metadata.labels?.[label];
}
