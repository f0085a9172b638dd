import { join } from "node:path";
import type { Environment } from "../cluster/auth/kubeconfig.ts";
import type { ContentCache } from "../local/kept/content-cache.ts";
import { userFolder } from "./user-folder.ts";

/** Copies of files, in the user's cache folder. Without one, the run goes on, and `undo` says what it lacks. */
export async function openCache(env: Environment): Promise<ContentCache | undefined> {
  const folder = userFolder(env, "XDG_CACHE_HOME");
  if (folder === undefined) return undefined;
  const { ContentCache: Cache } = await import("../local/kept/content-cache.ts");
  return await Cache.open({ folder: join(folder, "content") }).catch(() => undefined);
}
