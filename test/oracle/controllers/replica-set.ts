import type { KubeObject } from "@kinsync/core/contract";
import { deleteObject } from "../cluster/garbage-collector.ts";
import { controllerReference, isAlive, isDeleting, type Labels, type Typed } from "../cluster/objects.ts";
import type { Store } from "../cluster/store.ts";
import { PODS, REPLICA_SETS, type Type } from "../cluster/types.ts";
import { claim } from "./claim.ts";

export interface Template {
  readonly labels: Labels;
  /** Tells templates apart. */
  readonly image: string;
}

export type ReplicaSet = Typed<
  {
    readonly replicas: number;
    /** That of a ReplicationController is the labels alone. */
    readonly selector: { readonly matchLabels: Labels };
    readonly template: Template;
  },
  { readonly replicas: number; readonly observedGeneration: number }
>;

/** One pass over all ReplicaSets (k8s `pkg/controller/replicaset/replica_set.go`), or over ReplicationControllers. */
export function* syncReplicaSets(store: Store, type: Type = REPLICA_SETS): Generator<void> {
  for (const { metadata } of store.list(type)) {
    const set = store.get(metadata.uid);
    if (set !== undefined) yield* syncReplicaSet(store, set);
  }
}

function* syncReplicaSet(store: Store, set: KubeObject & ReplicaSet): Generator<void> {
  const { spec, status, metadata } = set;
  const { replicas = 0, template } = spec ?? {};
  const labels = spec?.selector?.matchLabels ?? (spec?.selector as Labels | undefined) ?? {};
  const alive = (yield* claim(store, set, PODS, labels)).filter(isAlive);
  if (!isDeleting(set) && template !== undefined) {
    for (let missing = replicas - alive.length; missing > 0; missing -= 1) {
      store.create({
        ...PODS,
        metadata: {
          name: `${metadata.name}-${store.writes}`,
          labels: template.labels,
          ownerReferences: [controllerReference(set)],
        },
        spec: { containers: [{ name: "main", image: template.image }] },
        status: { phase: "Pending" },
      });
      yield;
    }
    // The controller prefers pods that are not ready; which ones go is of no account here.
    for (const pod of alive.toReversed().slice(0, Math.max(0, alive.length - replicas))) {
      deleteObject(store, pod);
      yield;
    }
  }
  const generation = metadata.generation ?? 0;
  if (status?.replicas === alive.length && status.observedGeneration === generation) return;
  store.update(set, { status: { replicas: alive.length, observedGeneration: generation } });
  yield;
}
