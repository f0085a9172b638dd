import type { KindEntry, Plugin } from "@kinsync/core/project";
import { exec } from "@kinsync/transport-exec";
import { BUILT_IN_KINDS } from "./built-in-kinds.ts";

/** Plugins that need no entry in a config. They are loaded as anybody's are: through the public contract. */
export function builtInPlugins(): readonly Plugin[] {
  return [...BUILT_IN_KINDS, exec()];
}

/** The kinds among them. */
export function builtInKinds(): readonly KindEntry[] {
  return BUILT_IN_KINDS;
}
