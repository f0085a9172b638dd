import type { RunAction } from "../contract/action.ts";
import type { MappingConfig } from "../contract/config.ts";
import { ELIGIBLE_STATES } from "../contract/state.ts";

/** What a mapping is without these keys. The other keys narrow it and have no default. */
export const MAPPING_DEFAULTS = {
  ignore: [],
  ignoreDefaults: true,
  ignoreFiles: [],
  states: ELIGIBLE_STATES,
  inPlace: false,
  mirror: false,
  modes: "portable",
  transport: "exec",
  initial: "verify",
} as const satisfies MappingConfigDefaults;

/** Every optional key but those that select members and containers: a new key needs a default. */
type MappingConfigDefaults = Required<
  Omit<MappingConfig, "from" | "to" | "roles" | "indexes" | "labels" | "container">
>;

/** What a command of `run` is without these keys. `timeout` in milliseconds. */
export const RUN_DEFAULTS = {
  timeout: 60_000,
  once: false,
  on: "all",
  onFailure: "continue",
  showOutput: false,
} as const satisfies Partial<RunAction>;

/** How long a run with an end waits for containers to start and for targets to be tried again. */
export const WAIT_MS = 60_000;
