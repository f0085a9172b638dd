import type { KindPlugin } from "@kinsync/core/contract";
import type { Plugin } from "@kinsync/core/project";
import { deployment } from "@kinsync/kind-deployment";
import { jobset } from "@kinsync/kind-jobset";
import { statefulset } from "@kinsync/kind-statefulset";
import { exec } from "@kinsync/transport-exec";

/** Plugins that need no entry in a config. They are loaded as anybody's are: through the public contract. */
export function builtInPlugins(): readonly Plugin[] {
  return [deployment(), jobset(), statefulset(), exec()];
}

/** The kinds among them. */
export function builtInKinds(): readonly KindPlugin[] {
  return builtInPlugins().filter((plugin): plugin is KindPlugin => plugin.type === "kind");
}
