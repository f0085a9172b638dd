import type { KindPlugin } from "@kinsync/core/contract";
import { cloneset } from "./cloneset.ts";
import { advancedstatefulset } from "./statefulset.ts";

/** Both kinds, for `kinds` of a config that names the package. */
export default function both(): readonly KindPlugin[] {
  return [cloneset(), advancedstatefulset()];
}

export { advancedstatefulset, cloneset };
