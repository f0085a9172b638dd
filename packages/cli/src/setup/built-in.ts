import type { KindPlugin, TransportPlugin } from "@kinsync/core/contract";
import { deployment } from "@kinsync/kind-deployment";
import { jobset } from "@kinsync/kind-jobset";
import { statefulset } from "@kinsync/kind-statefulset";
import { exec } from "@kinsync/transport-exec";

/** Kinds that need not be named. They are loaded as anybody's are: through the public contract. */
export function builtInKinds(): readonly KindPlugin[] {
  return [deployment(), jobset(), statefulset()];
}

/** Transports that need not be named. */
export function builtInTransports(): readonly TransportPlugin[] {
  return [exec()];
}
