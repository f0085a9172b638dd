import { createRequire } from "node:module";
import { createJiti } from "jiti";
import { isOwnPackage } from "./load-own-packages.ts";
import type { ModuleExports } from "./module-exports.ts";

/**
 * Runs a TypeScript or JavaScript file as an ES module, whatever its package.json says. Nothing is written to a cache.
 * @param path absolute path, without symbolic links
 * @throws what the file throws; a syntax error names file, line and column in its second line
 */
export async function runByJiti(path: string): Promise<ModuleExports> {
  const jiti = createJiti(path, {
    fsCache: false,
    moduleCache: false,
    tryNative: false,
    virtualModules: ownPackages(path),
  });
  return await jiti.import<ModuleExports>(path);
}

/** Node resolves the packages of kinsync, so that the file gets those that the program runs. jiti would load copies. */
function ownPackages(path: string): Record<string, unknown> {
  const require = createRequire(path);
  return new Proxy<Record<string, unknown>>(
    {},
    {
      has: (_, name) => typeof name === "string" && isOwnPackage(name),
      get: (_, name) => require(String(name)) as unknown,
    },
  );
}
