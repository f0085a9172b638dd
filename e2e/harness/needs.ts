import type { ImageName } from "../images/image-names.ts";

/**
 * What a situation requires of its cluster.
 * - `paths`: absolute paths in containers are the containers' own; all situations require it
 * - `jobset`: the JobSet controller
 * - `jobset-gates`: a JobSet controller with the gates RestartJob and ElasticJobSet open
 * - `nodes:2`: two nodes that accept pods
 * - `rbac`: roles and service accounts
 * - `crds`: permission to create CRDs, which all users of a cluster share
 * - `real`: a real kubelet and a real container runtime
 * - `control`: permission to kill processes of the node
 * - `node-files`: files of containers can be read without tar in the container
 * - `image:NAME`: an image
 */
export type Need =
  | "paths"
  | "jobset"
  | "jobset-gates"
  | "nodes:2"
  | "rbac"
  | "crds"
  | "real"
  | "control"
  | "node-files"
  | `image:${ImageName}`;

/** Why every situation is skipped on a machine where the playground cannot use namespaces. */
export const UNCONFINED = "the playground's containers are not confined on this machine";

/** Why the playground does not meet a need, `undefined` if it does. */
export function playgroundLack(need: Need, isConfined: boolean): string | undefined {
  switch (need) {
    case "paths":
      return isConfined ? undefined : UNCONFINED;
    case "jobset":
    case "crds":
      return undefined;
    case "jobset-gates":
      return "its JobSet controller has no alpha gates";
    case "nodes:2":
      return "it has one node";
    case "rbac":
      return "it has no roles: verbs are denied by a fault from TypeScript";
    case "real":
    case "node-files":
      return "it has no kubelet and no container runtime";
    case "control":
      return "it is one process: no part of it can be killed alone";
    default:
      return "its images are templates made of a busybox";
  }
}
