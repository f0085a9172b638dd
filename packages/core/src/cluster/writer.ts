import type { ApplyRequest, ClusterConnection, ClusterResponse, ClusterWriter } from "../contract/cluster.ts";
import type { PolicyRule } from "../contract/status.ts";
import { KinsyncError } from "../errors/error.ts";
import { Connection } from "./connection.ts";

export interface ClusterWriterOptions {
  /** `writesApi` of the transport: anything else is refused. */
  readonly rules: readonly PolicyRule[];
  /** The only namespace whose objects may change. */
  readonly namespace: string;
}

/**
 * A second access to the API server of a connection, limited to server-side applies of the declared resources in one namespace. The
 * connection itself stays without any means to write.
 * @param cluster a connection of `connectCluster`
 */
export function clusterWriter(cluster: ClusterConnection, { rules, namespace }: ClusterWriterOptions): ClusterWriter {
  return {
    async apply(request: ApplyRequest): Promise<ClusterResponse> {
      const refusal = refusalOf(request, rules, namespace);
      if (refusal !== undefined) {
        throw new KinsyncError("KINSYNC_PLUGIN_FAILED", `an apply to ${request.path} was refused: ${refusal}`, {
          operation: "apply",
        });
      }
      const { path, object, fieldManager, signal } = request;
      return await Connection.apply(cluster, { path, fieldManager, body: JSON.stringify(object), signal });
    },
  };
}

const CORE_PATH = /^\/api\/v1\/namespaces\/(?<namespace>[^/]+)\/(?<resource>[a-z]+)\/[^/?#%]+$/;
const GROUP_PATH = /^\/apis\/(?<group>[^/]+)\/[^/]+\/namespaces\/(?<namespace>[^/]+)\/(?<resource>[a-z]+)\/[^/?#%]+$/;

function refusalOf({ path, object }: ApplyRequest, rules: readonly PolicyRule[], own: string): string | undefined {
  const { group = "", namespace, resource = "" } = (CORE_PATH.exec(path) ?? GROUP_PATH.exec(path))?.groups ?? {};
  if (namespace === undefined) return "it is not the path of an object in a namespace";
  if (decodeURIComponent(namespace) !== own) return `only objects in the namespace ${own} may be changed`;
  const isDeclared = rules.some(
    ({ apiGroups, resources, verbs }) =>
      apiGroups.includes(group) && resources.includes(resource) && verbs.includes("patch"),
  );
  if (!isDeclared) return `the transport does not declare to patch ${resource} in \`writesApi\``;
  const { uid } = object.metadata;
  // Without a UID the API server would create an object that is missing.
  return typeof uid === "string" && uid !== "" ? undefined : "the object has no `metadata.uid`";
}
