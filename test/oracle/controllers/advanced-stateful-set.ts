import type { KubeObject } from "@kinsync/core/contract";
import { obsolete, wanted, type Fact } from "../cluster/facts.ts";
import { deleteObject } from "../cluster/garbage-collector.ts";
import {
  controllerReference,
  hasFields,
  isAlive,
  isDeleting,
  isFinished,
  type Labels,
  type Typed,
} from "../cluster/objects.ts";
import { Refused, type Store } from "../cluster/store.ts";
import { ADVANCED_STATEFUL_SETS, PODS } from "../cluster/types.ts";
import { claim } from "./claim.ts";
import type { Template } from "./replica-set.ts";
import { imageOf, ordinalIn, REVISION_HASH } from "./stateful-set.ts";

export type AdvancedStatefulSet = Typed<
  {
    readonly replicas: number;
    readonly reserveOrdinals: readonly (number | string)[];
    readonly updateStrategy: {
      readonly type: "RollingUpdate" | "OnDelete";
      readonly rollingUpdate?: {
        readonly partition?: number;
        readonly paused?: boolean;
        readonly unorderedUpdate?: object;
      };
    };
    readonly selector: { readonly matchLabels: Labels };
    readonly template: Template;
  },
  { readonly observedGeneration: number; readonly updateRevision: string }
>;

/** The ordinals that the controller wants, counted one by one: the first that are not reserved. */
export function ordinalsOf({ spec }: AdvancedStatefulSet): readonly number[] {
  const reserved = new Set<number>();
  for (const entry of spec?.reserveOrdinals ?? []) {
    const [first = 0, last = first] = String(entry).split("-").map(Number);
    for (let ordinal = first; ordinal <= last; ordinal += 1) reserved.add(ordinal);
  }
  const ordinals: number[] = [];
  for (let ordinal = 0; ordinals.length < (spec?.replicas ?? 1); ordinal += 1) {
    if (!reserved.has(ordinal)) ordinals.push(ordinal);
  }
  return ordinals;
}

/** The pods that the controller leaves where they are. @param pods those that it owns */
export function stayingPods(set: AdvancedStatefulSet, pods: readonly KubeObject[]): readonly KubeObject[] {
  const { type, rollingUpdate = {} } = set.spec?.updateStrategy ?? {};
  const { partition = 0, paused = false, unorderedUpdate } = rollingUpdate;
  const ordinals = ordinalsOf(set);
  const wantedPods = pods.filter((pod) => isAlive(pod) && ordinals.includes(ordinalIn(pod)));
  const old = wantedPods.filter((pod) => imageOf(pod) !== set.spec?.template?.image);
  const stay = (pod: KubeObject): boolean => {
    if (!old.includes(pod) || type === "OnDelete" || paused) return true;
    return unorderedUpdate === undefined ? ordinals.indexOf(ordinalIn(pod)) < partition : old.length <= partition;
  };
  return wantedPods.filter(stay);
}

/** The controller of Advanced StatefulSets (kruise `pkg/controller/statefulset`): one pass over all of them. */
export function* syncAdvancedStatefulSets(store: Store): Generator<void> {
  for (const { metadata } of store.list(ADVANCED_STATEFUL_SETS)) {
    const set = store.get(metadata.uid);
    if (set !== undefined && !isDeleting(set)) yield* syncSet(store, set);
  }
}

function* syncSet(store: Store, set: KubeObject & AdvancedStatefulSet): Generator<void> {
  const { spec, metadata } = set;
  const isMember = ({ metadata: { name } }: KubeObject): boolean => /^web-\d+$/.test(name);
  const pods = yield* claim(store, set, PODS, spec?.selector?.matchLabels ?? {}, isMember);
  const ordinals = ordinalsOf(set);
  try {
    for (const [rank, ordinal] of ordinals.entries()) {
      if (pods.some((pod) => ordinalIn(pod) === ordinal)) continue;
      createPod(store, set, ordinal, rank);
      yield;
    }
  } catch (error) {
    // The status is written all the same.
    if (!(error instanceof Refused)) throw error;
  }
  for (const pod of pods) {
    if (isDeleting(pod) || (ordinals.includes(ordinalIn(pod)) && !isFinished(pod))) continue;
    deleteObject(store, pod);
    yield;
  }
  const own = store.ownedBy(metadata.uid, PODS);
  const staying = stayingPods(set, own);
  const going = own.findLast((pod) => isAlive(pod) && ordinals.includes(ordinalIn(pod)) && !staying.includes(pod));
  if (going !== undefined) {
    deleteObject(store, going);
    yield;
  }
  yield* writeStatus(store, set);
}

function createPod(store: Store, set: KubeObject & AdvancedStatefulSet, ordinal: number, rank: number): void {
  const { spec, metadata, status } = set;
  const { partition = 0, unorderedUpdate } = spec?.updateStrategy?.rollingUpdate ?? {};
  const current = /-(\w+)$/.exec(status?.updateRevision ?? "")?.[1];
  const isOld = unorderedUpdate === undefined && rank < partition && current !== undefined;
  const image = isOld ? current : spec?.template?.image;
  store.create({
    ...PODS,
    metadata: {
      name: `${metadata.name}-${ordinal}`,
      labels: { ...spec?.template?.labels, [REVISION_HASH]: `${metadata.name}-${image}` },
      ownerReferences: [controllerReference(set)],
    },
    spec: { containers: [{ name: "main", image }] },
    status: { phase: "Pending" },
  });
}

/** The status shows the revision, and with it which pods go: those that are old, where none of them may stay, and those out of range. */
function* writeStatus(store: Store, set: KubeObject & AdvancedStatefulSet): Generator<void> {
  const { metadata, spec, status = {} } = set;
  const next = {
    observedGeneration: metadata.generation ?? 0,
    updateRevision: `${metadata.name}-${spec?.template?.image}`,
  };
  if (hasFields(status, next)) return;
  const ordinals = ordinalsOf(set);
  const { partition = 0, paused = false, unorderedUpdate } = spec?.updateStrategy?.rollingUpdate ?? {};
  const isOnDelete = spec?.updateStrategy?.type === "OnDelete";
  const facts = store.everOwnedBy(metadata.uid, PODS).flatMap((pod): readonly Fact[] => {
    const rank = ordinals.indexOf(ordinalIn(pod));
    const isBelow = unorderedUpdate === undefined ? rank < partition : partition > 0;
    const mayStay = imageOf(pod) === spec?.template?.image || isOnDelete || paused || isBelow;
    return rank >= 0 && mayStay ? wanted(pod.metadata.uid) : obsolete(pod.metadata.uid);
  });
  store.update(set, { status: next }, facts);
  yield;
}
