import type { KindPlugin } from "@kinsync/core/contract";
import { raycluster } from "./raycluster.ts";
import { rayjob } from "./rayjob.ts";
import { rayservice } from "./rayservice.ts";

/** All three kinds, for `kinds` of a config that names the package. */
export default function all(): readonly KindPlugin[] {
  return [raycluster(), rayjob(), rayservice()];
}

export { raycluster, rayjob, rayservice };
