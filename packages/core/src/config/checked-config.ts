import type { KinsyncConfig } from "../contract/config.ts";
import type { ConfigOrigin } from "./resolve.ts";
import type { Variables } from "./variables.ts";

export interface CheckOptions {
  /** Profiles to apply, in this order. Default: none. */
  readonly profiles?: readonly string[];
  /** What `${NAME}` in YAML and JSON stands for. Default: no variable is set. */
  readonly env?: Variables;
}

/** A config that is right, with the chosen profiles applied. */
export interface CheckedConfig {
  /** Without `profiles`. Workloads have the namespace of the config where they name none. */
  readonly config: KinsyncConfig;
  /** Where its values stand in the file. */
  readonly origin: ConfigOrigin;
}
