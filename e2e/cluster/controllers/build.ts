import { createHash } from "node:crypto";
import { chmod, copyFile } from "node:fs/promises";
import { join } from "node:path";
import { cachedBuild } from "../cached-build.ts";
import type { BuildOptions } from "../cached-build.ts";
import type { Controller } from "./controller.ts";

interface DownloadedModule {
  readonly Dir: string;
  readonly Sum: string;
}

/**
 * Builds a controller, once for each definition, in the folder of its module: with the versions and the replacements of its own go.mod.
 * @returns a folder with the program, named as the controller, and its CRDs
 * @throws if Go is missing, the module cannot be had or is another one than expected, or the build fails
 */
export function buildController(controller: Controller, options: BuildOptions): Promise<string> {
  const { name, module, version, sum, main, crds } = controller;
  const key = createHash("sha256").update(JSON.stringify({ module, version, sum, main, crds }));
  return cachedBuild(`${name}-${key.digest("hex").slice(0, 12)}`, options, async (go, folder) => {
    const downloaded = await go(["mod", "download", "-json", `${module}@${version}`], folder);
    const { Dir, Sum } = JSON.parse(downloaded) as DownloadedModule;
    if (Sum !== sum) throw new Error(`${module}@${version} has the hash ${Sum}, expected ${sum}`);
    const flags = ["-buildvcs=false", "-trimpath", "-ldflags", "-s -w"];
    await go(["build", ...flags, "-o", join(folder, name), `./${main}`], Dir, { CGO_ENABLED: "0" });
    for (const [crd, path] of Object.entries(crds)) {
      const copy = join(folder, crdFile(crd));
      await copyFile(join(Dir, path), copy);
      await chmod(copy, 0o644);
    }
  });
}

/** Name of the file with a CRD in the folder of `buildController`. */
export function crdFile(crd: string): string {
  return `${crd}.yaml`;
}
