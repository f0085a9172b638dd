import type { FoundWorkload, Resolution } from "@kinsync/core";
import type { ClusterConnection, KindPlugin } from "@kinsync/core/contract";
import { KinsyncError } from "@kinsync/core/contract";

/** Milliseconds until the members of a workload have to be known. */
const LIMIT = 30_000;

/**
 * Reads who the members of a workload are at this moment. Rejects with the cluster's own word where nothing may be read, and
 * with `KINSYNC_CLUSTER_UNREACHABLE` where it takes too long.
 */
export async function lookAt(
  cluster: ClusterConnection,
  kinds: readonly KindPlugin[],
  name: string,
  options: { readonly namespace: string | undefined; readonly signal: AbortSignal },
): Promise<{ readonly found: FoundWorkload; readonly resolution: Resolution }> {
  const { findWorkload, ReflectorPool, watchWorkload } = await import("@kinsync/core");
  const { namespace, signal } = options;
  const found = await findWorkload(cluster, kinds, name, { signal, ...(namespace === undefined ? {} : { namespace }) });
  const timer = AbortSignal.timeout(LIMIT);
  await using reflectors = new ReflectorPool({ cluster });
  await using watch = watchWorkload({
    cluster,
    reflectors,
    ref: found.ref,
    kind: found.kind,
    signal: AbortSignal.any([signal, timer]),
  });
  try {
    return { found, resolution: await watch.ready };
  } catch (error) {
    if (signal.aborted || !timer.aborted) throw error;
    const [problem] = watch.current?.problems ?? [];
    throw (
      problem ??
      new KinsyncError(
        "KINSYNC_CLUSTER_UNREACHABLE",
        `The members of ${name} were not known within ${LIMIT / 1_000} s`,
        {
          cause: error,
        },
      )
    );
  }
}
