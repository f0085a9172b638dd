import type { Cluster, ClusterOptions } from "./cluster.ts";

export type {
  Cluster,
  ClusterOptions,
  Component,
  ContainerPlace,
  DownOptions,
  Images,
  NodeCommandOptions,
  OfNode,
} from "./cluster.ts";

/**
 * Brings up a cluster, or hands over the one with this id that is up already.
 * Needs root. What a killed run left behind under this id is taken away first.
 */
export function startCluster(options?: ClusterOptions): Promise<Cluster> {
  return Promise.reject(new Error(`no cluster yet: ${options?.id ?? "main"}`));
}

/** The cluster with this id where it is up. */
export function openCluster(options?: Pick<ClusterOptions, "id" | "folder">): Promise<Cluster | undefined> {
  return Promise.resolve(options === undefined ? undefined : undefined);
}
