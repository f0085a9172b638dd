import { isAbsolute, join } from "node:path";
import type { Environment } from "../cluster/auth/kubeconfig.ts";
import type { ContentCache } from "../local/kept/content-cache.ts";

/** Copies of files, in the user's cache folder. Without one, the run goes on, and `undo` says what it lacks. */
export async function openCache(env: Environment): Promise<ContentCache | undefined> {
  const home = env["HOME"] ?? env["USERPROFILE"];
  const own = env["XDG_CACHE_HOME"];
  // The specification ignores relative paths.
  const folder = own !== undefined && isAbsolute(own) ? own : home === undefined ? undefined : join(home, ".cache");
  if (folder === undefined) return undefined;
  const { ContentCache: Cache } = await import("../local/kept/content-cache.ts");
  return await Cache.open({ folder: join(folder, "kinsync", "content") }).catch(() => undefined);
}
