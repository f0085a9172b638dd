import type { KindPlugin } from "@kinsync/core/contract";
import { replicaset } from "./replicaset.ts";
import { replicationcontroller } from "./replicationcontroller.ts";

/** Both kinds, for `kinds` of a config that names the package. */
export default function both(): readonly KindPlugin[] {
  return [replicaset(), replicationcontroller()];
}

export { replicaset, replicationcontroller };
