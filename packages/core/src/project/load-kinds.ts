import type { KindEntry } from "../plugins/host-lazy-kind.ts";
import type { OpenProjectOptions } from "./options.ts";
import { readSettings } from "./settings.ts";

/** The kinds that a command would use: those that are handed in, and those of the config. */
export interface LoadedKinds {
  readonly kinds: readonly KindEntry[];
  /** Absolute path of the config that names kinds; `undefined` where none does. */
  readonly path: string | undefined;
}

/**
 * Reads the config, if there is one, and loads its kinds.
 *
 * Rejects with errors of the areas CONFIG and PLUGIN.
 */
export async function loadKinds(options: Omit<OpenProjectOptions, "access">): Promise<LoadedKinds> {
  const settings = await readSettings(options, options.signal ?? new AbortController().signal);
  try {
    const { kinds } = await settings.registry();
    const isNamed = (settings.config.kinds ?? []).length > 0;
    return { kinds, path: isNamed ? settings.path : undefined };
  } finally {
    settings.close();
  }
}
