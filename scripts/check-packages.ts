// Checks the packages as their users install them: packed, linted, installed into an empty project, compiled against and run.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "kinsync-packed-"));

function run(command: string, args: readonly string[], cwd: string): string {
  process.stdout.write(`    ${command} ${args.join(" ")}\n`);
  return execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, unknown>>;
}

function check(): void {
  const tarballs: string[] = [];
  const names: string[] = [];
  for (const name of readdirSync(join(root, "packages"))) {
    const cwd = join(root, "packages", name);
    const manifest = JSON.parse(readFileSync(join(cwd, "package.json"), "utf8")) as Manifest;
    names.push(manifest.name);
    const packed = JSON.parse(run("npm", ["pack", "--json", "--loglevel=error", "--pack-destination", folder], cwd)) as
      | readonly { filename: string }[]
      | Readonly<Record<string, { filename: string }>>;
    const [first] = Array.isArray(packed) ? packed : Object.values(packed);
    if (first === undefined) throw new Error(`npm pack reported nothing for ${name}`);
    const tarball = join(folder, first.filename.replace("@", "").replace("/", "-"));
    tarballs.push(tarball);
    run("npx", ["publint", "--strict", tarball], root);
    run("npx", ["attw", tarball, "--profile", "esm-only", "--format", "ascii", "--quiet"], root);
  }
  const consumer = join(folder, "consumer");
  mkdirSync(consumer);
  writeFileSync(join(consumer, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }));
  run("npm", ["install", "--loglevel=error", "--no-save", ...tarballs], consumer);
  const programs = ["consumer", "consumer-sync"];
  for (const name of programs) copyFileSync(join(root, "test", `${name}.ts`), join(consumer, `${name}.ts`));
  writeFileSync(
    join(consumer, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        target: "es2024",
        lib: ["es2024", "esnext.disposable"],
        module: "nodenext",
        types: ["node"],
        typeRoots: [join(root, "node_modules", "@types")],
        strict: true,
        outDir: "out",
        rewriteRelativeImportExtensions: true,
      },
      files: programs.map((name) => `${name}.ts`),
    }),
  );
  run(join(root, "node_modules", ".bin", "tsc"), ["-p", "."], consumer);
  for (const name of programs) {
    const output = run("node", [`out/${name}.js`], consumer);
    if (!output.includes(`${name} ok`)) throw new Error(`${name} printed ${output}`);
  }
  const version = run(join(consumer, "node_modules", ".bin", "kinsync"), ["--version"], consumer).trim();
  if (!/^\d+\.\d+\.\d+/.test(version)) throw new Error(`unexpected output of kinsync --version: ${version}`);
  process.stdout.write(`${names.length} packed packages are valid: ${names.join(", ")}\n`);
}

try {
  check();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
