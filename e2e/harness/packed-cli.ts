import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { run } from "./command.ts";

const ROOT = resolve(import.meta.dirname, "../..");

/**
 * Builds, packs and installs all packages as their users install them, into a folder of the cache named after their content;
 * once for the same content.
 * @returns path of `kinsync`
 */
export async function packedCli(): Promise<string> {
  const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "kinsync-e2e");
  const folder = join(cache, `cli-${await digestOfPackages()}`);
  const bin = join(folder, "node_modules", "kinsync", "bin", "kinsync.mjs");
  if (await readFile(bin).catch(() => undefined)) return bin;

  await run(["npm", "run", "--silent", "build", "--", "--output-logs=errors-only"], { cwd: ROOT, timeoutMs: 300_000 });
  await mkdir(cache, { recursive: true });
  const draft = await mkdtemp(join(cache, "draft-"));
  try {
    for (const each of await packages()) {
      const argv = ["npm", "pack", "--loglevel=error", "--ignore-scripts", "--pack-destination", draft];
      await run(argv, { cwd: join(ROOT, each), timeoutMs: 120_000 });
    }
    const tarballs = (await readdir(draft)).filter((name) => name.endsWith(".tgz"));
    await writeFile(join(draft, "package.json"), JSON.stringify({ name: "kinsync-e2e", private: true }));
    const flags = ["--loglevel=error", "--no-save", "--no-audit", "--no-fund", "--prefer-offline"];
    await run(["npm", "install", ...flags, ...tarballs.map((name) => `./${name}`)], { cwd: draft, timeoutMs: 300_000 });
    await rename(draft, folder);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
  return bin;
}

/** Folders of the packages, from the root. */
async function packages(): Promise<readonly string[]> {
  return (await readdir(join(ROOT, "packages"))).toSorted().map((name) => `packages/${name}`);
}

/** Folders of a package whose files are in its tarball, or are built into it. */
const SOURCES = ["agents", "bin", "programs", "proto", "src"];
/** What makes the bundle of the program, from the root. */
const BUNDLER = ["scripts/bundle-cli.ts", "package-lock.json"];

/** A digest of all sources of the packages. */
async function digestOfPackages(): Promise<string> {
  const hash = createHash("sha256");
  for (const folder of await packages()) {
    const names = (await readdir(join(ROOT, folder))).filter((name) => SOURCES.includes(name));
    const found = await Promise.all(
      names.map((name) => readdir(join(ROOT, folder, name), { recursive: true, withFileTypes: true })),
    );
    const files = found.flat().flatMap((each) => (each.isFile() ? [join(each.parentPath, each.name)] : []));
    const manifests = ["package.json", "tsconfig.json"].map((name) => join(ROOT, folder, name));
    for (const file of [...manifests, ...files.toSorted()]) {
      hash.update(`${file.slice(ROOT.length)}\0`).update(await readFile(file));
    }
  }
  for (const file of BUNDLER) hash.update(`${file}\0`).update(await readFile(join(ROOT, file)));
  return hash.digest("hex").slice(0, 16);
}
