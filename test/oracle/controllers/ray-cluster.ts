import type { KubeObject } from "@kinsync/core/contract";
import { deleteObject } from "../cluster/garbage-collector.ts";
import { controllerReference, isAlive, isDeleting, isFinished, type Typed } from "../cluster/objects.ts";
import { Refused, type Store } from "../cluster/store.ts";
import { PODS, RAY_CLUSTERS } from "../cluster/types.ts";

export interface WorkerGroup {
  readonly groupName: string;
  readonly replicas: number;
  readonly suspend?: boolean;
  readonly scaleStrategy?: { readonly workersToDelete?: readonly string[] };
}

export interface RayClusterSpec {
  readonly suspend: boolean;
  readonly image: string;
  readonly workerGroupSpecs: readonly WorkerGroup[];
}

export type RayCluster = Typed<
  RayClusterSpec,
  { readonly conditions: readonly { readonly type: string; readonly status: string }[] }
>;

/** What the operator made a pod for, by the names that it gives. */
export interface Node {
  readonly type: "head" | "worker";
  readonly group: string;
}

/** The RayCluster controller (kuberay `ray-operator/controllers/ray/raycluster_controller.go`): one pass over all RayClusters. */
export function* syncRayClusters(store: Store, nodes: Map<string, Node>): Generator<void> {
  for (const { metadata } of store.list(RAY_CLUSTERS)) {
    const cluster = store.get(metadata.uid);
    if (cluster !== undefined && !isDeleting(cluster)) yield* syncRayCluster(store, cluster, nodes);
  }
}

/** A suspension that has begun goes on until all pods are gone, whatever the spec says since. */
export function isSuspending({ spec, status }: RayCluster): boolean {
  return spec?.suspend === true || status?.conditions?.[0]?.type === "RayClusterSuspending";
}

function* syncRayCluster(store: Store, cluster: KubeObject & RayCluster, nodes: Map<string, Node>): Generator<void> {
  const pods = store.ownedBy(cluster.metadata.uid, PODS);
  if (isSuspending(cluster)) {
    const [condition] = cluster.status?.conditions ?? [];
    if (condition?.type === "RayClusterSuspended") return;
    if (condition === undefined) {
      store.update(cluster, { status: { conditions: [{ type: "RayClusterSuspending", status: "True" }] } });
      yield;
    }
    for (const pod of pods) {
      if (isDeleting(pod)) continue;
      deleteObject(store, pod);
      yield;
    }
    const found = store.get(cluster.metadata.uid);
    if (found === undefined || store.ownedBy(cluster.metadata.uid, PODS).length > 0) return;
    store.update(found, { status: { conditions: [{ type: "RayClusterSuspended", status: "True" }] } });
    yield;
    return;
  }
  if (cluster.status?.conditions?.[0] !== undefined) {
    store.update(cluster, { status: { conditions: [] } });
    yield;
  }
  for (const pod of pods) {
    if (!isFinished(pod) || isDeleting(pod)) continue;
    deleteObject(store, pod);
    yield;
  }
  const create = (node: Node, name: string): void => {
    const pod = store.create({
      ...PODS,
      metadata: {
        name,
        labels: {
          "ray.io/cluster": cluster.metadata.name,
          "ray.io/node-type": node.type,
          "ray.io/group": node.group,
          "ray.io/is-ray-node": "yes",
        },
        ownerReferences: [controllerReference(cluster)],
      },
      spec: { containers: [{ name: "ray", image: cluster.spec?.image }] },
      status: { phase: "Pending" },
    });
    nodes.set(pod.metadata.uid, node);
  };
  if (!pods.some((pod) => nodes.get(pod.metadata.uid)?.type === "head")) {
    // The name is that of the head before, which may still terminate.
    try {
      create({ type: "head", group: "headgroup" }, `${cluster.metadata.name}-head`);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return;
    }
    yield;
  }
  for (const group of cluster.spec?.workerGroupSpecs ?? []) yield* syncGroup(store, cluster, group, nodes, create);
}

function* syncGroup(
  store: Store,
  cluster: KubeObject,
  { groupName, replicas, suspend = false, scaleStrategy }: WorkerGroup,
  nodes: ReadonlyMap<string, Node>,
  create: (node: Node, name: string) => void,
): Generator<void> {
  const { name, uid } = cluster.metadata;
  const workers = store
    .ownedBy(uid, PODS)
    .filter((pod) => isAlive(pod) && nodes.get(pod.metadata.uid)?.group === groupName);
  const listed = workers.filter((pod) => scaleStrategy?.workersToDelete?.includes(pod.metadata.name) === true);
  const others = workers.filter((pod) => !listed.includes(pod));
  const surplus = suspend ? others : others.slice(0, Math.max(0, others.length - replicas));
  for (const pod of [...listed, ...surplus]) {
    deleteObject(store, pod);
    yield;
  }
  for (let missing = suspend ? 0 : replicas - others.length; missing > 0; missing -= 1) {
    create({ type: "worker", group: groupName }, `${name}-${groupName}-worker-${store.writes}`);
    yield;
  }
}
