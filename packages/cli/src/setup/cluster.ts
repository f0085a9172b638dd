import type { ClusterConnection } from "@kinsync/core/contract";
import type { Io } from "../io.ts";
import { checkContextAllowed } from "./context.ts";
import type { ClusterOptions } from "./options.ts";

/** Whether a command changes files in containers, and which contexts the config allows for that. */
export type Purpose = { readonly writes: false } | { readonly writes: true; readonly allowed: readonly string[] };

/**
 * Connects to the cluster of the chosen context; for writing only where that is allowed, and then before anything is sent.
 * Rejects with an error of area CLUSTER.
 */
export async function openCluster(options: ClusterOptions, io: Io, purpose: Purpose): Promise<ClusterConnection> {
  const { connectCluster, listContexts } = await import("@kinsync/core/cluster");
  const places = {
    env: io.env,
    ...(options.kubeconfig === undefined ? {} : { kubeconfig: options.kubeconfig }),
  };
  if (purpose.writes) {
    const { current } = await listContexts(places);
    const context = options.context ?? current;
    // No context at all is an error of its own, with the files that were looked for.
    if (context !== undefined) {
      checkContextAllowed({ context, named: options.context, allowed: purpose.allowed });
    }
  }
  return connectCluster({
    ...places,
    signal: io.signal,
    ...(options.context === undefined ? {} : { context: options.context }),
    ...(options.namespace === undefined ? {} : { namespace: options.namespace }),
  });
}
