import type { KubeObject } from "@kinsync/core/contract";
import { obsolete, wanted } from "../cluster/facts.ts";
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
import type { Store } from "../cluster/store.ts";
import { CLONE_SETS, PODS, streamOf } from "../cluster/types.ts";
import { claim } from "./claim.ts";
import type { Template } from "./replica-set.ts";
import { imageOf } from "./stateful-set.ts";

const REVISION = "controller-revision-hash";
const LIFECYCLE = "lifecycle.apps.kruise.io/state";
const SPECIFIED_DELETE = "apps.kruise.io/specified-delete";

export type CloneSet = Typed<
  {
    readonly replicas: number;
    readonly updateStrategy: {
      readonly type: "ReCreate" | "InPlaceIfPossible" | "OnDelete";
      readonly partition?: number | string;
      readonly paused?: boolean;
    };
    readonly scaleStrategy: { readonly podsToDelete: readonly string[] };
    readonly selector: { readonly matchLabels: Labels };
    readonly template: Template;
  },
  { readonly observedGeneration: number; readonly updateRevision: string; readonly updatedReplicas: number }
>;

/** Pods that the controller counts among its replicas. */
export function isCounted(set: CloneSet, pod: KubeObject): boolean {
  return isAlive(pod) && !isOnItsWay(set, pod);
}

/** Marked by a user, named in the spec, or in its last hooks. */
export function isOnItsWay({ spec }: CloneSet, { metadata: { name, labels = {} } }: KubeObject): boolean {
  const isListed = spec?.scaleStrategy?.podsToDelete?.includes(name) === true;
  return isListed || labels[SPECIFIED_DELETE] !== undefined || labels[LIFECYCLE] === "PreparingDelete";
}

/** How many pods of older templates stay. A percentage is rounded up, but less than 100% of several pods keeps less than all. */
export function keptCount({ spec }: CloneSet): number {
  const { replicas = 1, updateStrategy } = spec ?? {};
  const partition = updateStrategy?.partition ?? 0;
  if (updateStrategy?.type === "OnDelete" || updateStrategy?.paused === true) return Infinity;
  if (typeof partition === "number") return Math.min(partition, replicas);
  const kept = Math.ceil((Number.parseInt(partition, 10) * replicas) / 100);
  return replicas > 1 && kept === replicas && partition !== "100%" ? replicas - 1 : kept;
}

/** The CloneSet controller (kruise `pkg/controller/cloneset/sync`): one pass over all CloneSets. The hash of a template is its image here. */
export function* syncCloneSets(store: Store): Generator<void> {
  for (const { metadata } of store.list(CLONE_SETS)) {
    const set = store.get(metadata.uid);
    if (set !== undefined && !isDeleting(set)) yield* syncCloneSet(store, set);
  }
}

function* syncCloneSet(store: Store, set: KubeObject & CloneSet): Generator<void> {
  const { spec, status = {}, metadata } = set;
  const image = spec?.template?.image ?? "";
  const replicas = spec?.replicas ?? 1;
  const pods = yield* claim(store, set, PODS, spec?.selector?.matchLabels ?? {});
  const next = {
    observedGeneration: metadata.generation ?? 0,
    updateRevision: `${metadata.name}-${image}`,
    updatedReplicas: pods.filter((pod) => isAlive(pod) && imageOf(pod) === image).length,
  };
  if (!hasFields(status, next)) {
    // Where no old pod stays, the status shows that all of them go.
    // A pod that was updated in place is of its former template for a client that has not seen that.
    const versions = store.streams.get(streamOf(PODS)) ?? [];
    const images = new Set(versions.map(({ object }) => imageOf(object) ?? ""));
    const groups = [...images].filter((each) => each !== image).map((each) => groupOf(metadata.uid, each));
    const facts = keptCount(set) === 0 ? obsolete(...groups) : wanted(...groups);
    store.update(set, { status: next }, [...wanted(groupOf(metadata.uid, image)), ...facts]);
    yield;
  }
  for (const pod of pods) {
    if (isDeleting(pod) || !(isFinished(pod) || isOnItsWay(set, pod))) continue;
    deleteObject(store, pod);
    yield;
  }
  const counted = store.ownedBy(metadata.uid, PODS).filter((pod) => isCounted(set, pod));
  for (let missing = replicas - counted.length; missing > 0; missing -= 1) {
    createPod(store, set, image);
    yield;
  }
  const surplus = counted.slice(0, Math.max(0, counted.length - replicas));
  for (const pod of surplus) {
    store.patch(pod.metadata.uid, { labels: { [LIFECYCLE]: "PreparingDelete" } }, obsolete(pod.metadata.uid));
    yield;
  }
  const old = counted.filter((pod) => !surplus.includes(pod) && imageOf(pod) !== image);
  if (old.length <= keptCount(set)) return;
  const [pod] = old;
  if (pod === undefined) return;
  if (spec?.updateStrategy?.type === "InPlaceIfPossible") {
    // The pod stays what it is, with another label and another image.
    store.patch(pod.metadata.uid, {
      labels: { [REVISION]: `${metadata.name}-${image}` },
      spec: { containers: [{ name: "main", image }] },
    });
  } else deleteObject(store, pod);
  yield;
}

function createPod(store: Store, set: KubeObject & CloneSet, image: string): void {
  const id = `i${store.writes}`;
  store.create({
    ...PODS,
    metadata: {
      name: `${set.metadata.name}-${id}`,
      labels: {
        ...set.spec?.template?.labels,
        // The short form, as with the gate CloneSetShortHash, or the long one.
        [REVISION]: store.writes % 2 === 0 ? image : `${set.metadata.name}-${image}`,
        "apps.kruise.io/cloneset-instance-id": id,
      },
      ownerReferences: [controllerReference(set)],
    },
    spec: { containers: [{ name: "main", image }] },
    status: { phase: "Pending" },
  });
}

/** Group of facts: the pods of one CloneSet that are of one template. */
export function groupOf(uid: string, image: string): string {
  return `${uid}/${image}`;
}
