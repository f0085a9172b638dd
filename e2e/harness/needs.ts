import type { ImageName } from "../images/image-map.ts";

/**
 * What a situation cannot do without.
 * - `paths`: absolute paths in containers are the containers' own; all situations need it
 * - `jobset`: the JobSet controller
 * - `jobset-gates`: one whose gates RestartJob and ElasticJobSet are open
 * - `nodes:2`: two nodes that take pods
 * - `rbac`: roles and service accounts
 * - `real`: a real kubelet and a real container runtime
 * - `control`: the right to kill processes of the node
 * - `eyes`: containers without tar can be looked into, too
 * - `image:NAME`: an image that pods can be made of
 */
export type Need =
  | "paths"
  | "jobset"
  | "jobset-gates"
  | "nodes:2"
  | "rbac"
  | "real"
  | "control"
  | "eyes"
  | `image:${ImageName}`;

/** Why nothing is played where the playground has to make do without namespaces. */
export const UNCONFINED = "the playground's containers are not confined on this machine";

/** Why the playground cannot give what is needed, `undefined` where it can. */
export function lackOfPlayground(need: Need, isConfined: boolean): string | undefined {
  switch (need) {
    case "paths":
      return isConfined ? undefined : UNCONFINED;
    case "jobset":
      return undefined;
    case "jobset-gates":
      return "its JobSet controller has no alpha gates";
    case "nodes:2":
      return "it has one node";
    case "rbac":
      return "it has no roles: verbs are denied by a fault from TypeScript";
    case "real":
    case "eyes":
      return "it has no kubelet and no container runtime";
    case "control":
      return "it is one process: no part of it can be killed alone";
    default:
      return "its images are templates made of a busybox";
  }
}
