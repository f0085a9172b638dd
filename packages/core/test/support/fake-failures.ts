import type { ClusterRequest, ClusterResponse, ResourceType } from "../../src/contract/index.ts";
import { KinsyncError } from "../../src/contract/index.ts";
import { resourceName } from "../../src/kube/resource-path.ts";
import { json, untilAborted } from "./fake-responses.ts";

/** How the API server fails for one resource. */
export type Failure =
  | "forbidden"
  | "watch-forbidden"
  | "not-installed"
  | "unreachable"
  | "busy"
  | "failing"
  | "throttled"
  | "silent";

/** Answers a request for a resource that fails. */
export function refuse(
  failure: Failure,
  resource: ResourceType,
  request: ClusterRequest,
  namespace: string | undefined,
): ClusterResponse | Promise<ClusterResponse> {
  if (failure === "silent") return untilAborted(request.signal);
  if (failure === "unreachable") {
    throw new KinsyncError("KINSYNC_CLUSTER_UNREACHABLE", "https://fake did not answer: ECONNREFUSED");
  }
  if (failure === "busy") return json(503, { kind: "Status", code: 503, message: "too busy" });
  if (failure === "failing") return json(500, { kind: "Status", code: 500, message: "conversion webhook failed" });
  if (failure === "throttled") return json(429, { kind: "Status", code: 429, message: "too many requests" });
  const verb = request.query?.["watch"] === true ? "watch" : "list";
  const { plural, group } = resource;
  return json(403, {
    kind: "Status",
    code: 403,
    reason: "Forbidden",
    message: `${resourceName(resource)} is forbidden: User "ada" cannot ${verb} resource "${plural}" in API group "${group}" in the namespace "${namespace ?? ""}"`,
  });
}
