import type { KinsyncConfig } from "../contract/config.ts";
import type { LoadedConfig } from "./load.ts";

/**
 * Checks a loaded config against the types of the contract. Unknown keys are errors, with the nearest known one.
 * Throws `KINSYNC_CONFIG_INVALID`; `details.problems` has every problem with its path and, where the format tells, its place.
 */
export async function checkConfig(loaded: LoadedConfig): Promise<KinsyncConfig> {
  // The schema library takes longer to load than all else before the first line of `up`; without a config nobody needs it.
  const { validateConfig } = await import("./schema.ts");
  return validateConfig(loaded);
}
