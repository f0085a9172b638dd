import type { KindPlugin } from "@kinsync/core/contract";
import { mpijob } from "@kinsync/kind-kubeflow";

/** The kind of MPIJobs with the version of the training operator, which serves no other one. */
export function mpiJobV1(): KindPlugin {
  const kind = mpijob();
  return { ...kind, root: { ...kind.root, version: "v1", versions: [] } };
}
