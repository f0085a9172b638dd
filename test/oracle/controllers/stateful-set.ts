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
  phaseOf,
  type Typed,
} from "../cluster/objects.ts";
import { Refused, type Store } from "../cluster/store.ts";
import { CONTROLLER_REVISIONS, PODS, STATEFUL_SETS } from "../cluster/types.ts";
import { claim } from "./claim.ts";
import type { Template } from "./replica-set.ts";
import { syncRevisions } from "./revisions.ts";

export const REVISION_HASH = "controller-revision-hash";

interface StatefulSetSpec {
  readonly replicas: number;
  readonly ordinals: { readonly start: number };
  readonly podManagementPolicy: "OrderedReady" | "Parallel";
  readonly updateStrategy: {
    readonly type: "RollingUpdate" | "OnDelete";
    readonly rollingUpdate?: { readonly partition: number };
  };
  readonly selector: { readonly matchLabels: Labels };
  readonly template: Template;
}

export type StatefulSet = Typed<
  StatefulSetSpec,
  { readonly observedGeneration: number; readonly currentRevision: string; readonly updateRevision: string }
>;

/** The StatefulSet controller (k8s `pkg/controller/statefulset/stateful_set_{control,utils}.go`): one pass over all StatefulSets. */
export function* syncStatefulSets(store: Store): Generator<void> {
  for (const { metadata } of store.list(STATEFUL_SETS)) {
    const set = store.get(metadata.uid);
    if (set !== undefined && !isDeleting(set)) yield* syncStatefulSet(store, set);
  }
}

/** Ordinal that ends a pod's name, as the controller reads it. */
export function ordinalIn({ metadata }: KubeObject): number {
  return Number(/-(\d+)$/.exec(metadata.name)?.[1] ?? -1);
}

/** The template that a pod was made from. */
export function imageOf({ spec }: KubeObject): string | undefined {
  return (spec?.["containers"] as readonly { readonly image?: string }[] | undefined)?.[0]?.image;
}

/** What the controller wants of the ordinals. */
export function rangeOf({ spec }: StatefulSet): {
  readonly start: number;
  readonly end: number;
  readonly updateFrom: number;
} {
  const start = spec?.ordinals?.start ?? 0;
  const { type, rollingUpdate } = spec?.updateStrategy ?? {};
  const updateFrom = type === "OnDelete" ? Infinity : start + (rollingUpdate?.partition ?? 0);
  return { start, end: start + (spec?.replicas ?? 1), updateFrom };
}

/** The controller leaves this pod where it is, for good. */
export function isStaying(set: StatefulSet, pod: KubeObject): boolean {
  const { start, end, updateFrom } = rangeOf(set);
  const ordinal = ordinalIn(pod);
  return start <= ordinal && ordinal < end && (ordinal < updateFrom || imageOf(pod) === set.spec?.template?.image);
}

function* syncStatefulSet(store: Store, set: KubeObject): Generator<void> {
  const { spec, status = {} }: StatefulSet = set;
  const labels = spec?.selector?.matchLabels ?? {};
  const belongs = (pod: KubeObject): boolean =>
    pod.metadata.name.startsWith(`${set.metadata.name}-`) && ordinalIn(pod) >= 0;
  yield* claim(store, set, CONTROLLER_REVISIONS, labels);
  const pods = yield* claim(store, set, PODS, labels, belongs);
  const update = (yield* syncRevisions(store, set, (hash) => `${set.metadata.name}-${hash}`)).metadata.name;
  const current = status.currentRevision ?? update;
  try {
    yield* syncPods(store, set, pods, { current, update });
  } catch (error) {
    // The status is written all the same.
    if (!(error instanceof Refused)) throw error;
  }
  yield* writeStatus(store, set, { current, update });
}

interface Revisions {
  readonly current: string;
  readonly update: string;
}

function* syncPods(
  store: Store,
  set: KubeObject,
  pods: readonly KubeObject[],
  { current, update }: Revisions,
): Generator<void> {
  const { spec }: StatefulSet = set;
  const isMonotonic = spec?.podManagementPolicy !== "Parallel";
  const { start, end, updateFrom } = rangeOf(set);
  for (let ordinal = start; ordinal < end; ordinal += 1) {
    const pod = pods.find((each) => ordinalIn(each) === ordinal);
    if (pod === undefined) {
      const isUpdated = spec?.updateStrategy?.type === "OnDelete" || ordinal >= updateFrom;
      createPod(store, set, ordinal, isUpdated ? update : current);
      yield;
      if (isMonotonic) return;
    } else if (isFinished(pod) && !isDeleting(pod)) {
      deleteObject(store, pod);
      yield;
      return;
    } else if (isMonotonic && (isDeleting(pod) || phaseOf(pod) !== "Running")) return;
  }
  for (const pod of pods.toSorted((a, b) => ordinalIn(b) - ordinalIn(a))) {
    if (start <= ordinalIn(pod) && ordinalIn(pod) < end) continue;
    if (isDeleting(pod)) continue;
    deleteObject(store, pod);
    yield;
    if (isMonotonic) return;
  }
  for (let ordinal = end - 1; ordinal >= updateFrom; ordinal -= 1) {
    const pod = pods.find((each) => ordinalIn(each) === ordinal);
    if (pod === undefined || isDeleting(pod)) return;
    if (pod.metadata.labels?.[REVISION_HASH] !== update) {
      deleteObject(store, pod);
      yield;
      return;
    }
    if (phaseOf(pod) !== "Running") return;
  }
}

function createPod(store: Store, set: KubeObject, ordinal: number, revision: string): void {
  const { spec }: StatefulSet = set;
  const name = `${set.metadata.name}-${ordinal}`;
  const image = store.find(CONTROLLER_REVISIONS, revision)?.metadata.annotations?.["image"] ?? spec?.template?.image;
  store.create({
    ...PODS,
    metadata: {
      name,
      labels: { ...spec?.template?.labels, [REVISION_HASH]: revision, "apps.kubernetes.io/pod-index": String(ordinal) },
      ownerReferences: [controllerReference(set)],
    },
    spec: { containers: [{ name: "main", image }] },
    status: { phase: "Pending" },
  });
}

/** The status shows which revision is wanted, and that the controller has seen the partition and the number of replicas. */
function* writeStatus(store: Store, set: KubeObject, { current, update }: Revisions): Generator<void> {
  const { metadata, spec, status = {} }: StatefulSet = set;
  const pods = store.ownedBy(metadata.uid, PODS).filter(isAlive);
  const updated = pods.filter((pod) => pod.metadata.labels?.[REVISION_HASH] === update && phaseOf(pod) === "Running");
  const replicas = spec?.replicas ?? 1;
  const isComplete =
    spec?.updateStrategy?.type !== "OnDelete" && updated.length === replicas && pods.length === replicas;
  const next = {
    observedGeneration: metadata.generation ?? 0,
    updateRevision: update,
    currentRevision: isComplete ? update : current,
  };
  if (hasFields(status, next)) return;
  const facts = store
    .everOwnedBy(metadata.uid, PODS)
    .flatMap((pod): readonly Fact[] => (isStaying(set, pod) ? wanted(pod.metadata.uid) : obsolete(pod.metadata.uid)));
  store.update(set, { status: next }, facts);
  yield;
}
