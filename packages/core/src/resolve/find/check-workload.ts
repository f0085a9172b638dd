import type { ClusterConnection } from "../../contract/cluster.ts";
import type { KubeObject } from "../../contract/resource.ts";
import { KinsyncError } from "../../errors/error.ts";
import { getJson } from "../../kube/get-json.ts";
import { METADATA_LIST } from "../../kube/media-types.ts";
import { didYouMean, nearestNames } from "../../text/did-you-mean.ts";
import type { WorkloadRef } from "../resolution.ts";
import { resourceName, resourcePath } from "../../kube/resource-path.ts";
import { trimObject } from "../../kube/trim.ts";

/**
 * Reads the workload, and finds out what is missing where it does not exist: the CRD, the namespace, or the name. One round
 * trip where it exists. Rejects with `KINSYNC_RESOLVE_KIND`, `_NAMESPACE`, `_WORKLOAD` or an error of area CLUSTER.
 */
export async function checkWorkload(
  cluster: ClusterConnection,
  ref: WorkloadRef,
  signal: AbortSignal,
): Promise<KubeObject> {
  const { resource, namespace, name } = ref;
  const what = `get ${workloadText(ref)}${resource.namespaced === false ? "" : ` in namespace ${namespace}`}`;
  const answer = await getJson(cluster, { path: resourcePath(resource, namespace, name) }, what, signal);
  if (answer.status === 200) return trimObject(answer.body, resource);
  if (answer.status !== 404) throw answer.error();
  const { details } = (answer.body ?? {}) as { readonly details?: { readonly name?: string } };
  if (details?.name === undefined) throw await resourceMissing(cluster, ref, signal);
  if (resource.namespaced !== false) {
    const missing = await namespaceMissing(cluster, namespace, signal);
    if (missing !== undefined) throw missing;
  }
  throw await nameMissing(cluster, ref, signal);
}

/** `jobset/train`. */
export function workloadText(ref: Pick<WorkloadRef, "resource" | "name">): string {
  return `${ref.resource.kind.toLowerCase()}/${ref.name}`;
}

async function resourceMissing(
  cluster: ClusterConnection,
  { resource }: WorkloadRef,
  signal: AbortSignal,
): Promise<KinsyncError> {
  const name = `${resource.kind} (${resourceName(resource)}, ${resource.version})`;
  let message = `the cluster has no ${name}: its CRD is not installed`;
  if (resource.group !== "") {
    const path = `/apis/${encodeURIComponent(resource.group)}`;
    const group = await getJson(cluster, { path }, `discover ${resource.group}`, signal);
    if (group.status === 200) {
      const { versions } = group.body as { readonly versions?: readonly { readonly version: string }[] };
      const others = (versions ?? []).map(({ version }) => version).filter((version) => version !== resource.version);
      if (others.length > 0) message = `the cluster has no ${name}: it serves ${others.join(", ")} of that group`;
    }
  }
  return new KinsyncError("KINSYNC_RESOLVE_KIND", message, {
    hint: "Install the controller that defines it. `kubectl api-resources` lists what the cluster serves.",
  });
}

async function namespaceMissing(
  cluster: ClusterConnection,
  namespace: string,
  signal: AbortSignal,
): Promise<KinsyncError | undefined> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}`;
  const answer = await getJson(cluster, { path }, `get namespace ${namespace}`, signal);
  // A user without access to namespaces gets the error about the name.
  if (answer.status !== 404) return undefined;
  const names = await namesIn(cluster, "/api/v1/namespaces", "list namespaces", signal);
  return new KinsyncError("KINSYNC_RESOLVE_NAMESPACE", `there is no namespace ${namespace}`, {
    hint: didYouMean(nearestNames(namespace, names), "`kubectl get namespaces` lists them."),
  });
}

async function nameMissing(cluster: ClusterConnection, ref: WorkloadRef, signal: AbortSignal): Promise<KinsyncError> {
  const { resource, namespace, name } = ref;
  const isNamespaced = resource.namespaced !== false;
  const list = `list ${resourceName(resource)}`;
  const [names, elsewhere] = await Promise.all([
    namesIn(cluster, resourcePath(resource, isNamespaced ? namespace : undefined), list, signal),
    isNamespaced ? namespacesOf(cluster, ref, signal) : [],
  ]);
  const near = nearestNames(name, names).map((near) => workloadText({ resource, name: near }));
  const hint =
    elsewhere.length === 0
      ? didYouMean(
          near,
          `\`kubectl get ${resourceName(resource)}${isNamespaced ? ` -n ${namespace}` : ""}\` lists them.`,
        )
      : hintOfNamespaces(elsewhere);
  const where = isNamespaced ? ` in namespace ${namespace}` : "";
  return new KinsyncError("KINSYNC_RESOLVE_WORKLOAD", `there is no ${workloadText(ref)}${where}`, {
    hint,
    details: { near, elsewhere },
  });
}

function hintOfNamespaces(namespaces: readonly string[]): string {
  const [only, ...others] = namespaces;
  if (others.length === 0)
    return `There is one in namespace ${only}: add -n ${only}, or \`namespace: ${only}\` in a config.`;
  return `There is one in each of the namespaces ${namespaces.join(", ")}: add -n NAMESPACE, or \`namespace: NAMESPACE\` in a config.`;
}

interface NamedItems {
  readonly items?: readonly { readonly metadata?: { readonly name?: string; readonly namespace?: string } }[] | null;
}

/** Names of a list, for a hint; none where it cannot be read. */
async function namesIn(
  cluster: ClusterConnection,
  path: string,
  what: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const answer = await getJson(cluster, { path, query: { limit: 500 }, accept: METADATA_LIST }, what, signal);
  if (answer.status !== 200) return [];
  return ((answer.body as NamedItems).items ?? []).flatMap(({ metadata }) => metadata?.name ?? []);
}

/** Namespaces with an object of that name; none where they cannot be listed. */
async function namespacesOf(
  cluster: ClusterConnection,
  { resource, name }: WorkloadRef,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const query = { fieldSelector: `metadata.name=${name}`, limit: 10 };
  const request = { path: resourcePath(resource, undefined), query, accept: METADATA_LIST };
  const answer = await getJson(cluster, request, `list ${resourceName(resource)} in all namespaces`, signal);
  if (answer.status !== 200) return [];
  return ((answer.body as NamedItems).items ?? []).flatMap(({ metadata }) => metadata?.namespace ?? []).sort();
}
