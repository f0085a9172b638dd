import { join } from "node:path";
import type { Cluster, ClusterOptions } from "./cluster.ts";
import { open, start } from "./start.ts";
import { clustersFolder } from "./state.ts";

export type { Cluster, ClusterOptions } from "./cluster.ts";

/**
 * Brings up a cluster, or hands over the one with this id that is up already.
 * Needs root. What a killed run left behind under this id is taken away first.
 * @throws where it does not come up; the components' logs are kept then, and the message says where.
 */
export function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  return start(options);
}

/** The cluster with this id where it is up, from the machine or from inside one of its nodes. */
export function openCluster({ id = "main", folder }: Pick<ClusterOptions, "id" | "folder"> = {}): Promise<
  Cluster | undefined
> {
  return open(join(clustersFolder(folder), id));
}
