import { join } from "node:path";
import type { Cluster, ClusterOptions } from "./cluster.ts";
import { open, start } from "./start.ts";
import { clustersFolder } from "./state.ts";

export type { Cluster, ClusterOptions } from "./cluster.ts";

/**
 * Starts a cluster, or returns the one with this id that runs already.
 * Requires root. Removes first what a killed run left under this id.
 * @throws if it does not start; the message contains the folder of the components' logs
 */
export function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  return start(options);
}

/** The cluster with this id if it runs, from the machine or from inside one of its nodes. */
export function openCluster({ id = "main", folder }: Pick<ClusterOptions, "id" | "folder"> = {}): Promise<
  Cluster | undefined
> {
  return open(join(clustersFolder(folder), id));
}
