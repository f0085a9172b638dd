import type { ClusterConnection } from "../../contract/cluster.ts";
import type { KubeObject, ResourceType } from "../../contract/resource.ts";
import { KinsyncError } from "../../errors/error.ts";
import { getJson } from "../../kube/get-json.ts";
import { METADATA_LIST, METADATA_OBJECT } from "../../kube/media-types.ts";
import { parseApiVersion, PODS, resourcePath } from "../../kube/resource-path.ts";
import type { WorkloadRef } from "../resolution.ts";
import { workloadText } from "./check-workload.ts";

/** Kubernetes' own API groups. Their owners of pods are known. */
const NATIVE_GROUPS: ReadonlySet<string> = new Set([
  "",
  "admissionregistration.k8s.io",
  "apiextensions.k8s.io",
  "apiregistration.k8s.io",
  "apps",
  "autoscaling",
  "batch",
  "certificates.k8s.io",
  "coordination.k8s.io",
  "discovery.k8s.io",
  "events.k8s.io",
  "flowcontrol.apiserver.k8s.io",
  "networking.k8s.io",
  "node.k8s.io",
  "policy",
  "rbac.authorization.k8s.io",
  "resource.k8s.io",
  "scheduling.k8s.io",
  "storage.k8s.io",
]);

const NATIVE_WORKLOADS: ReadonlySet<string> = new Set([
  "/Pod",
  "/ReplicationController",
  "apps/DaemonSet",
  "apps/Deployment",
  "apps/ReplicaSet",
  "apps/StatefulSet",
  "batch/CronJob",
  "batch/Job",
]);

/** How kinds that users mistake for workloads relate to pods. */
const RELATIONS: Readonly<Record<string, string>> = {
  "/Namespace": "a Namespace contains pods but does not own them",
  "/Node": "a Node runs pods but does not own them",
  "/Service": "a Service selects pods but does not own them",
  "autoscaling/HorizontalPodAutoscaler": "a HorizontalPodAutoscaler scales a workload but does not own its pods",
};

/** Controllers of pods that often have their own controller. */
const MIDDLE: Readonly<Record<string, ResourceType>> = {
  "apps/ReplicaSet": { group: "apps", version: "v1", kind: "ReplicaSet", plural: "replicasets" },
  "batch/Job": { group: "batch", version: "v1", kind: "Job", plural: "jobs" },
};

/** Limits for a hint: pods of a Service that are listed, and owners of these pods that are read. */
const HINT_PODS = 100;
const HINT_OWNERS = 5;

/** Whether objects of this kind never own a pod: all kinds of Kubernetes' own groups but the workloads among them. */
export function isPodless(resource: Pick<ResourceType, "group" | "kind">): boolean {
  return NATIVE_GROUPS.has(resource.group) && !NATIVE_WORKLOADS.has(keyOf(resource));
}

/**
 * The error for a workload of a kind that owns no pods. For a Service the hint names the workloads of the pods that it selects,
 * as far as they can be read.
 */
export async function podlessError(
  cluster: ClusterConnection,
  ref: WorkloadRef,
  signal: AbortSignal,
): Promise<KinsyncError> {
  const { kind } = ref.resource;
  const relation = RELATIONS[keyOf(ref.resource)] ?? `${/^[AEIOU]/.test(kind) ? "an" : "a"} ${kind} owns no pods`;
  const workloads = keyOf(ref.resource) === "/Service" ? await workloadsOfService(cluster, ref, signal) : [];
  return new KinsyncError("KINSYNC_RESOLVE_OWNS_NO_PODS", `${workloadText(ref)} is not a workload: ${relation}`, {
    details: { workloads },
    ...(workloads.length === 0 ? {} : { hint: hintOf(workloads) }),
  });
}

function hintOf(workloads: readonly string[]): string {
  const [only] = workloads;
  return workloads.length === 1
    ? `Its pods belong to ${only ?? ""}. Name that instead.`
    : `Its pods belong to ${workloads.join(", ")}. Name one of them instead.`;
}

/** `deployment/web`, sorted; empty where the Service, its pods or their owners cannot be read. */
async function workloadsOfService(
  cluster: ClusterConnection,
  { resource, namespace, name }: WorkloadRef,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const service = await read(cluster, { path: resourcePath(resource, namespace, name) }, signal);
  const selector = Object.entries((service as KubeObject | undefined)?.spec?.["selector"] ?? {});
  if (selector.length === 0) return [];
  const labelSelector = selector.map(([key, value]) => `${key}=${String(value)}`).join(",");
  const query = { labelSelector, limit: HINT_PODS };
  const list = await read(cluster, { path: resourcePath(PODS, namespace), query, accept: METADATA_LIST }, signal);
  const pods = (list as { readonly items?: readonly KubeObject[] | null } | undefined)?.items ?? [];
  const owners = new Map<string, Owner>();
  for (const { metadata } of pods) {
    const owner = controllerOf({ metadata }) ?? { group: "", kind: "Pod", name: metadata.name };
    owners.set(`${keyOf(owner)}/${owner.name}`, owner);
  }
  const roots = await Promise.all(
    [...owners.values()].slice(0, HINT_OWNERS).map(async (owner) => {
      const middle = MIDDLE[keyOf(owner)];
      if (middle === undefined) return owner;
      const request = { path: resourcePath(middle, namespace, owner.name), accept: METADATA_OBJECT };
      return controllerOf((await read(cluster, request, signal)) as KubeObject | undefined) ?? owner;
    }),
  );
  return [...new Set(roots.map((root) => `${root.kind.toLowerCase()}/${root.name}`))].sort();
}

interface Owner {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
}

function controllerOf(object: Pick<KubeObject, "metadata"> | undefined): Owner | undefined {
  const controller = object?.metadata?.ownerReferences?.find((reference) => reference.controller === true);
  if (controller === undefined) return undefined;
  return { group: parseApiVersion(controller.apiVersion).group, kind: controller.kind, name: controller.name };
}

/** For a hint, a failed request is as good as an empty answer. */
async function read(
  cluster: ClusterConnection,
  request: {
    readonly path: string;
    readonly query?: Readonly<Record<string, string | number>>;
    readonly accept?: string;
  },
  signal: AbortSignal,
): Promise<unknown> {
  try {
    const answer = await getJson(cluster, request, `get ${request.path}`, signal);
    return answer.status === 200 ? answer.body : undefined;
  } catch (error) {
    if (signal.aborted) throw error;
    return undefined;
  }
}

function keyOf({ group, kind }: Pick<ResourceType, "group" | "kind">): string {
  return `${group}/${kind}`;
}
