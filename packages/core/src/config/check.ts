import type { CheckedConfig, CheckOptions } from "./checked-config.ts";
import type { LoadedConfig } from "./load.ts";

/**
 * Checks a loaded config against the types of the contract, replaces its variables and applies profiles. Unknown keys are errors, with the
 * nearest known one; profiles that are not chosen are checked as well.
 *
 * Throws `KINSYNC_CONFIG_INVALID`, where `details.problems` has every problem with its path and, where the format has positions, its
 * position; `KINSYNC_USAGE` if the config has no profile of a name.
 */
export async function checkConfig(loaded: LoadedConfig, options: CheckOptions = {}): Promise<CheckedConfig> {
  // The schema library takes longer to load than all else before the first line of `up`; without a config nobody needs it.
  const [{ validateConfig }, { applyProfiles }] = await Promise.all([import("./schema.ts"), import("./profiles.ts")]);
  return applyProfiles(validateConfig(loaded, options), loaded, options.profiles ?? []);
}
