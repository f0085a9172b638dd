import type { KubeObject, Reason, ResourceType, RootType, Watch } from "@kinsync/core/contract";

/** Labels that KubeRay puts on pods (kuberay `ray-operator/controllers/ray/utils/constant.go`). */
export const KEYS = {
  cluster: "ray.io/cluster",
  nodeType: "ray.io/node-type",
  group: "ray.io/group",
  replicaIndex: "ray.io/worker-group-replica-index",
  hostIndex: "ray.io/replica-host-index",
} as const;

/** Versions of `ray.io` that are read, in order of preference. */
const VERSIONS = { group: "ray.io", version: "v1", versions: ["v1alpha1"] } as const;

export const RAY_CLUSTERS: RootType = { ...VERSIONS, kind: "RayCluster", plural: "rayclusters" };
export const RAY_JOBS: RootType = { ...VERSIONS, kind: "RayJob", plural: "rayjobs" };
export const RAY_SERVICES: RootType = { ...VERSIONS, kind: "RayService", plural: "rayservices" };
export const JOBS: ResourceType = { group: "batch", version: "v1", kind: "Job", plural: "jobs" };

/** The part of a RayCluster's spec that is read. Any field may be missing. */
export interface RayClusterSpec {
  readonly suspend?: boolean;
  readonly managedBy?: string;
  readonly workerGroupSpecs?: readonly {
    readonly groupName?: string;
    readonly suspend?: boolean;
    readonly scaleStrategy?: { readonly workersToDelete?: readonly string[] };
  }[];
}

/** The part of a RayCluster's status that is read. */
interface RayClusterStatus {
  readonly desiredWorkerReplicas?: number;
  readonly readyWorkerReplicas?: number;
  readonly conditions?: Conditions;
}

type Conditions = readonly { readonly type: string; readonly status: string }[];

interface RayJobSpec {
  readonly suspend?: boolean;
  readonly managedBy?: string;
  readonly clusterSelector?: Readonly<Record<string, string>>;
  readonly rayClusterSpec?: RayClusterSpec;
}

interface RayJobStatus {
  readonly rayClusterName?: string;
  readonly jobDeploymentStatus?: string;
}

interface RayServiceSpec {
  readonly managedBy?: string;
  readonly rayClusterConfig?: RayClusterSpec;
}

interface RayServiceStatus {
  readonly observedGeneration?: number;
  readonly activeServiceStatus?: { readonly rayClusterName?: string };
  readonly pendingServiceStatus?: { readonly rayClusterName?: string };
  readonly conditions?: Conditions;
}

export type RayCluster = KubeObject<RayClusterSpec, RayClusterStatus>;
export type RayJob = KubeObject<RayJobSpec, RayJobStatus>;
export type RayService = KubeObject<RayServiceSpec, RayServiceStatus>;

export function readRayCluster(root: KubeObject): RayCluster {
  return root;
}

export function readRayJob(root: KubeObject): RayJob {
  return root;
}

export function readRayService(root: KubeObject): RayService {
  return root;
}

/** The RayClusters of a root, in the root's version: they are served in the same versions. */
export function clustersOf(root: KubeObject): Watch {
  const version = root.apiVersion.slice(root.apiVersion.indexOf("/") + 1);
  return { resource: { ...RAY_CLUSTERS, version }, delegate: true };
}

/** A suspension that has begun goes on, whatever the spec says since: the operator deletes all pods. */
export function isSuspended({ spec, status }: RayCluster): boolean {
  const isSuspending = status?.conditions?.some(
    (condition) => condition.type === "RayClusterSuspending" && condition.status === "True",
  );
  return spec?.suspend === true || isSuspending === true;
}

/** Roles of a RayCluster: `head`, and the name of each worker group. */
export function rolesOfCluster(spec: RayClusterSpec | undefined): readonly string[] {
  const groups = (spec?.workerGroupSpecs ?? []).flatMap(({ groupName }) => groupName ?? []);
  return [...new Set(["head", ...groups])];
}

/** An empty text is what Go writes for a missing one. */
export function present(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}

/** The only value of `spec.managedBy` that KubeRay itself acts on; an absent one means the same. */
const KUBERAY = "ray.io/kuberay-operator";

export function noteOfManager(kind: string, managedBy: string | undefined): readonly Reason[] {
  if (managedBy === undefined || managedBy === KUBERAY) return [];
  return [
    {
      code: "managed-elsewhere",
      message: `the ${kind} is managed by ${managedBy}, so its pods may live in another cluster`,
      evidence: { "spec.managedBy": managedBy },
    },
  ];
}
