import type { FoundWorkload, ReflectorPool } from "@kinsync/core";
import type { ClusterConnection } from "@kinsync/core/contract";
import type { Io } from "../io.ts";
import { openCluster } from "./cluster.ts";
import type { ClusterOptions } from "./options.ts";
import { loadSettings } from "./plan.ts";

/** A workload that is looked at, and what to look with. */
export interface Look {
  readonly cluster: ClusterConnection;
  readonly reflectors: ReflectorPool;
  readonly found: FoundWorkload;
}

/** Finds a workload for a command that only reads, hands it over, and lets go of everything afterwards. */
export async function lookAt<Result>(
  workload: string,
  options: ClusterOptions,
  io: Io,
  use: (look: Look) => Promise<Result>,
): Promise<Result> {
  const settings = await loadSettings(options, io);
  const { kinds } = await settings.plugins();
  const { findWorkload, ReflectorPool } = await import("@kinsync/core");
  await using cluster = await openCluster(options, io, { writes: false });
  const namespace = options.namespace ?? settings.namespaceOf(workload, kinds);
  const found = await findWorkload(cluster, kinds, workload, {
    signal: io.signal,
    ...(namespace === undefined ? {} : { namespace }),
  });
  await using reflectors = new ReflectorPool({ cluster });
  return await use({ cluster, reflectors, found });
}
