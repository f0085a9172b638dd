import type { KubeObject } from "@kinsync/core/contract";
import { job } from "@kinsync/kind-job";
import { raycluster, rayjob, rayservice } from "@kinsync/kind-ray";
import { isAlive, isDeleting } from "../cluster/objects.ts";
import type { Store } from "../cluster/store.ts";
import { PODS, RAY_CLUSTERS, RAY_JOBS, RAY_SERVICES } from "../cluster/types.ts";
import { deleteObject } from "../cluster/garbage-collector.ts";
import { syncJobs } from "../controllers/job.ts";
import {
  isSuspending,
  syncRayClusters,
  type Node,
  type RayCluster,
  type RayClusterSpec,
} from "../controllers/ray-cluster.ts";
import { syncRayJobs, type RayJob } from "../controllers/ray-job.ts";
import {
  activeOf,
  finishRayServices,
  isRollingBack,
  pendingOf,
  syncRayServices,
  type RayService,
} from "../controllers/ray-service.ts";
import { ROOT, type Course, type Expectation, type Oracle, type Place } from "../player/oracle.ts";
import { pick } from "../player/pick.ts";
import { isBehind, RootDeeds } from "./deeds.ts";

const IMAGES = ["a", "b", "c"];

/** Every live node counts: nothing on a worker says which template it was made from. */
export const rayClusterOracle: Oracle = { name: "raycluster", kind: raycluster, start: startCluster };
/** The nodes of the RayCluster that the present try runs on. */
export const rayJobOracle: Oracle = {
  name: "rayjob",
  kind: rayjob,
  children: () => [raycluster(), job()],
  start: startJob,
};
/** The nodes of the active and of the pending RayCluster; in a rollback those of the active one alone. */
export const rayServiceOracle: Oracle = {
  name: "rayservice",
  kind: rayservice,
  children: () => [raycluster(), job()],
  start: startService,
};

function clusterSpec(choice: number): RayClusterSpec {
  return {
    suspend: false,
    image: pick(IMAGES, choice) ?? "a",
    workerGroupSpecs: [
      { groupName: "small", replicas: choice % 3 },
      { groupName: "large", replicas: choice % 2 },
    ],
  };
}

function startCluster(store: Store): Course {
  const nodes = new Map<string, Node>();
  const root = new RootDeeds<RayCluster>(store, (choice) => ({
    ...RAY_CLUSTERS,
    metadata: { name: ROOT },
    spec: clusterSpec(choice),
  }));
  const group = (change: (choice: number) => object) =>
    root.change((choice, { workerGroupSpecs = [] }) => ({
      workerGroupSpecs: workerGroupSpecs.map((each, at) => (at === choice % 2 ? { ...each, ...change(choice) } : each)),
    }));
  return {
    controllers: { raycluster: () => syncRayClusters(store, nodes) },
    deciders: ["raycluster"],
    deeds: {
      ...root.deeds(),
      template: root.change((choice) => ({ image: pick(IMAGES, choice) })),
      suspend: root.change((choice) => ({ suspend: choice % 2 === 0 })),
      scale: group((choice) => ({ replicas: Math.floor(choice / 4) % 3 })),
      "suspend a group": group((choice) => ({ suspend: Math.floor(choice / 4) % 2 === 0 })),
      "name a worker to delete": group((choice) => ({
        scaleStrategy: { workersToDelete: [pick(store.list(PODS), Math.floor(choice / 4))?.metadata.name ?? "none"] },
      })),
      "remove a group": root.change((choice, { workerGroupSpecs = [] }) => ({
        workerGroupSpecs: workerGroupSpecs.filter((_, at) => at !== choice % 4),
      })),
    },
    expected: () => {
      const open = new Set(
        root.object !== undefined && isDeleting(root.object)
          ? store.list(PODS).map(({ metadata }) => metadata.uid)
          : [],
      );
      return { targets: root.object === undefined ? new Map() : targetsOf(store, root.object, nodes), open };
    },
  };
}

function startJob(store: Store): Course {
  const nodes = new Map<string, Node>();
  const root = new RootDeeds<RayJob>(store, (choice) => ({
    ...RAY_JOBS,
    metadata: { name: ROOT },
    spec: { rayClusterSpec: clusterSpec(choice) },
  }));
  return {
    controllers: {
      rayjob: () => syncRayJobs(store),
      raycluster: () => syncRayClusters(store, nodes),
      job: () => syncJobs(store),
    },
    deciders: ["rayjob", "raycluster"],
    deeds: {
      ...root.deeds(),
      suspend: root.change((choice) => ({ suspend: choice % 2 === 0 })),
      ...clusterDeeds(store),
    },
    expected: () => {
      const { object } = root;
      const isLeaving = ["Retrying", "Suspending", "Suspended"].includes(object?.status?.jobDeploymentStatus ?? "");
      return expectedOf(
        store,
        object,
        nodes,
        ({ metadata: { name } }) => !isLeaving && name === object?.status?.rayClusterName,
      );
    },
  };
}

function startService(store: Store): Course {
  const nodes = new Map<string, Node>();
  const root = new RootDeeds<RayService>(store, (choice) => ({
    ...RAY_SERVICES,
    metadata: { name: ROOT },
    spec: { rayClusterConfig: clusterSpec(choice), incremental: choice % 2 === 0 },
  }));
  return {
    controllers: {
      rayservice: () => syncRayServices(store),
      "rayservice, later": () => finishRayServices(store),
      raycluster: () => syncRayClusters(store, nodes),
    },
    deciders: ["rayservice"],
    deeds: {
      ...root.deeds(),
      template: root.change((choice, spec) => ({
        rayClusterConfig: { ...spec.rayClusterConfig, image: pick(["a", "b"], choice) },
      })),
      ...clusterDeeds(store),
    },
    isInDoubt: isBehind,
    expected: () => {
      const { object } = root;
      if (object === undefined) return { targets: new Map() };
      return expectedOf(
        store,
        object,
        nodes,
        ({ metadata: { name } }) => name === activeOf(object) || (name === pendingOf(object) && !isRollingBack(object)),
        (cluster) => ({ side: cluster.metadata.name === activeOf(object) ? "active" : "pending" }),
      );
    },
  };
}

function clusterDeeds(store: Store): Course["deeds"] {
  return {
    "delete a cluster": (choice) => {
      const cluster = pick(store.list(RAY_CLUSTERS), choice);
      if (cluster !== undefined)
        deleteObject(store, cluster, pick(["Background", "Foreground"], Math.floor(choice / 8)));
    },
    "suspend a cluster": (choice) => {
      const cluster = pick(store.list(RAY_CLUSTERS), choice);
      if (cluster !== undefined) store.patch(cluster.metadata.uid, { spec: { suspend: choice % 3 === 0 } });
    },
  };
}

function expectedOf(
  store: Store,
  root: KubeObject | undefined,
  nodes: ReadonlyMap<string, Node>,
  isCounted: (cluster: KubeObject) => boolean,
  labelsOf: (cluster: KubeObject) => Readonly<Record<string, string>> = () => ({}),
): Expectation {
  const targets = new Map<string, Place>();
  for (const cluster of root === undefined ? [] : store.ownedBy(root.metadata.uid, RAY_CLUSTERS)) {
    if (!isCounted(cluster) || isDeleting(cluster)) continue;
    for (const [uid, place] of targetsOf(store, cluster, nodes)) {
      targets.set(uid, { ...place, labels: { ...place.labels, ...labelsOf(cluster) } });
    }
  }
  const open = new Set(
    root !== undefined && isDeleting(root) ? store.list(PODS).map(({ metadata }) => metadata.uid) : [],
  );
  return { targets, open };
}

/** The nodes of one RayCluster that the operator does not remove. A worker of a group that the spec no longer has stays. */
function targetsOf(
  store: Store,
  cluster: KubeObject & RayCluster,
  nodes: ReadonlyMap<string, Node>,
): Map<string, Place> {
  const targets = new Map<string, Place>();
  if (isSuspending(cluster)) return targets;
  for (const pod of store.ownedBy(cluster.metadata.uid, PODS)) {
    const node = nodes.get(pod.metadata.uid);
    if (node === undefined || !isAlive(pod)) continue;
    const group = cluster.spec?.workerGroupSpecs?.find(({ groupName }) => groupName === node.group);
    const isListed = group?.scaleStrategy?.workersToDelete?.includes(pod.metadata.name) === true;
    if (group?.suspend === true || isListed) continue;
    const role = node.type === "head" ? "head" : node.group;
    targets.set(pod.metadata.uid, { role, labels: { node: node.type } });
  }
  return targets;
}
