import { createHash } from "node:crypto";
import { chmod, copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { imageArchive } from "../../images/oci-archive.ts";
import { cachedBuild } from "../cached-build.ts";
import type { BuildOptions } from "../cached-build.ts";
import type { Controller, ProgramImage } from "./controller.ts";

interface DownloadedModule {
  readonly Dir: string;
  readonly Sum: string;
}

/**
 * Builds a controller, once for each definition, in the folder of its module: with the versions and the replacements of its own go.mod.
 * @returns a folder with the program, named as the controller, the archives of its images, and the CRDs
 * @throws if Go is missing, the module cannot be had or is another one than expected, or the build fails
 */
export function buildController(controller: Controller, options: BuildOptions): Promise<string> {
  const { name, module, version, sum, main, crds, requiredCrds, images } = controller;
  const key = createHash("sha256").update(JSON.stringify({ module, version, sum, main, crds, requiredCrds, images }));
  return cachedBuild(`${name}-${key.digest("hex").slice(0, 12)}`, options, async (go, folder) => {
    const downloaded = await go(["mod", "download", "-json", `${module}@${version}`], folder);
    const { Dir, Sum } = JSON.parse(downloaded) as DownloadedModule;
    if (Sum !== sum) throw new Error(`${module}@${version} has the hash ${Sum}, expected ${sum}`);
    for (const program of [controller, ...(images ?? [])]) {
      const flags = ["-buildvcs=false", "-trimpath", "-ldflags", "-s -w"];
      await go(["build", ...flags, "-o", join(folder, program.name), `./${program.main}`], Dir, { CGO_ENABLED: "0" });
    }
    for (const image of images ?? []) await writeImage(image, folder);
    const files = Object.entries(crds).map(([crd, path]) => [crd, join(Dir, path)] as const);
    for (const [crd, required] of Object.entries(requiredCrds ?? {})) {
      const found = await go(["list", "-m", "-f", "{{.Dir}}", required.module], Dir);
      files.push([crd, join(found.trim(), required.path)]);
    }
    for (const [crd, file] of files) {
      const copy = join(folder, crdFile(crd));
      await copyFile(file, copy);
      await chmod(copy, 0o644);
    }
  });
}

/** The names of all its CRDs. */
export function crdsOf({ crds, requiredCrds = {} }: Controller): readonly string[] {
  return [...Object.keys(crds), ...Object.keys(requiredCrds)];
}

/** Name of the file with a CRD in the folder of `buildController`. */
export function crdFile(crd: string): string {
  return `${crd}.yaml`;
}

/** Name of the file with an image in the folder of `buildController`. */
export function imageFile({ name }: ProgramImage): string {
  return `${name}.tar`;
}

/** Only the program is in the image: it runs as a user without a name. */
async function writeImage(image: ProgramImage, folder: string): Promise<void> {
  const { name, reference } = image;
  const content = await readFile(join(folder, name));
  const archive = await imageArchive({
    name: reference,
    settings: { Entrypoint: [`/${name}`], User: "65532:65532" },
    files: [{ kind: "file", path: name, mode: 0o755, content }],
  });
  await writeFile(join(folder, imageFile(image)), archive);
}
