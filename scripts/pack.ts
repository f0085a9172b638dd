import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

export const ROOT = resolve(import.meta.dirname, "..");

/** Runs a program and prints its command line. @returns what it printed to stdout */
export function run(command: string, args: readonly string[], cwd: string): string {
  process.stdout.write(`    ${command} ${args.join(" ")}\n`);
  return execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

/** Packs the package in the folder `cwd` into `destination`. @returns path of the tarball */
export function pack(cwd: string, destination: string): string {
  const args = ["pack", "--json", "--loglevel=error", "--pack-destination", destination];
  const packed = JSON.parse(run("npm", args, cwd)) as
    | readonly { filename: string }[]
    | Readonly<Record<string, { filename: string }>>;
  const [first] = Array.isArray(packed) ? packed : Object.values(packed);
  if (first === undefined) throw new Error(`npm pack reported nothing for ${cwd}`);
  return join(destination, first.filename.replace("@", "").replace("/", "-"));
}

/** The tarballs that a user of kinsync installs: without the generator of plugins, which npm runs by itself. */
export function packagesOfUser(tarballs: ReadonlyMap<string, string>): readonly string[] {
  return [...tarballs].filter(([name]) => name !== "create-kinsync-plugin").map(([, tarball]) => tarball);
}

/** Packs every package of the repository, as built. @returns the tarballs by package name */
export function packAll(destination: string): ReadonlyMap<string, string> {
  return new Map(
    readdirSync(join(ROOT, "packages")).map((name) => {
      const cwd = join(ROOT, "packages", name);
      const manifest = JSON.parse(readFileSync(join(cwd, "package.json"), "utf8")) as { readonly name: string };
      return [manifest.name, pack(cwd, destination)];
    }),
  );
}
