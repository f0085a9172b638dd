import { isAbsolute, join } from "node:path";
import type { Environment } from "../cluster/auth/kubeconfig.ts";

/** Default of each variable, below the home folder. */
const DEFAULTS = { XDG_CACHE_HOME: ".cache", XDG_STATE_HOME: join(".local", "state") } as const;

/**
 * kinsync's own folder among the user's, by the XDG base directory specification, which ignores relative paths. `undefined` without a home
 * folder (`HOME` or `USERPROFILE`).
 */
export function userFolder(env: Environment, variable: keyof typeof DEFAULTS): string | undefined {
  const own = env[variable];
  if (own !== undefined && isAbsolute(own)) return join(own, "kinsync");
  const home = env["HOME"] ?? env["USERPROFILE"];
  return home === undefined ? undefined : join(home, DEFAULTS[variable], "kinsync");
}
