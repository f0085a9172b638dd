// Checks the packages as their users install them: packed, linted, installed into empty projects, compiled against and run. One project
// is of an author of plugins, who builds and packs a kind and a transport; one is of a user, who installs them, too. Others have a config and
// a global kinsync only.
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "kinsync-packed-"));

function run(command: string, args: readonly string[], cwd: string): string {
  process.stdout.write(`    ${command} ${args.join(" ")}\n`);
  return execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

interface Manifest {
  readonly name: string;
}

/** The tarball of the package in this folder. */
function pack(cwd: string): string {
  const packed = JSON.parse(run("npm", ["pack", "--json", "--loglevel=error", "--pack-destination", folder], cwd)) as
    | readonly { filename: string }[]
    | Readonly<Record<string, { filename: string }>>;
  const [first] = Array.isArray(packed) ? packed : Object.values(packed);
  if (first === undefined) throw new Error(`npm pack reported nothing for ${cwd}`);
  return join(folder, first.filename.replace("@", "").replace("/", "-"));
}

/** Packs and lints every package. By name. */
function packAll(): ReadonlyMap<string, string> {
  const tarballs = new Map<string, string>();
  for (const name of readdirSync(join(root, "packages"))) {
    const cwd = join(root, "packages", name);
    const manifest = JSON.parse(readFileSync(join(cwd, "package.json"), "utf8")) as Manifest;
    const tarball = pack(cwd);
    tarballs.set(manifest.name, tarball);
    run("npx", ["publint", "--strict", tarball], root);
    run("npx", ["attw", tarball, "--profile", "esm-only", "--format", "ascii", "--quiet"], root);
  }
  return tarballs;
}

/** A project outside of the repository, with these packages and files of the repository, compiled into `out`. */
function createProject(name: string, tarballs: readonly string[], files: readonly string[]): string {
  const project = join(folder, name);
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), JSON.stringify({ name, private: true, type: "module" }));
  run("npm", ["install", "--loglevel=error", "--no-save", ...tarballs], project);
  for (const file of files) {
    mkdirSync(dirname(join(project, file)), { recursive: true });
    cpSync(join(root, file), join(project, file));
  }
  writeFileSync(
    join(project, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        target: "es2024",
        lib: ["es2024", "esnext.disposable"],
        module: "nodenext",
        types: ["node"],
        typeRoots: [join(root, "node_modules", "@types")],
        strict: true,
        rootDir: ".",
        outDir: "out",
        rewriteRelativeImportExtensions: true,
      },
      files,
    }),
  );
  run(join(root, "node_modules", ".bin", "tsc"), ["-p", "."], project);
  return project;
}

/** The plugins of the examples as packages: the default export is the factory, as a config by package name needs it. */
const PLUGINS = [
  { name: "kinsync-kind-experiment", from: "own-kind", files: ["experiment"], factory: "experiment" },
  { name: "kinsync-transport-share", from: "own-transport", files: ["share", "share-session"], factory: "share" },
] as const;

/** Builds the plugins against the packed contract, tests them with the packed kits, and packs them. @returns their tarballs */
function checkAuthor(tarballs: ReadonlyMap<string, string>): readonly string[] {
  const needed = ["@kinsync/core", "@kinsync/playground"].flatMap((name) => tarballs.get(name) ?? []);
  const author = createProject("author", needed, [
    ...["experiment", "experiment.cases"].map((name) => `examples/own-kind/${name}.ts`),
    ...["share", "share-session", "share.environment", "share.playground"].map(
      (name) => `examples/own-transport/${name}.ts`,
    ),
    "test/consumer-kits.ts",
  ]);
  const report = run("node", ["--test", "--test-reporter=tap", "out/test/consumer-kits.js"], author);
  const [, passed = "0"] = /^# pass (\d+)$/m.exec(report) ?? [];
  const [, skipped = "0"] = /^# skipped (\d+)$/m.exec(report) ?? [];
  process.stdout.write(
    `    the kits: ${passed} requirements are met, ${skipped} are not claimed or cannot be checked\n`,
  );
  if (Number(passed) < 50) throw new Error(`the kits checked too little:\n${report}`);
  return PLUGINS.map(({ name, from, files, factory }) => {
    const plugin = join(author, name);
    mkdirSync(plugin);
    for (const file of files) cpSync(join(author, "out", "examples", from, `${file}.js`), join(plugin, `${file}.js`));
    writeFileSync(join(plugin, "index.js"), `export { ${factory} as default } from "./${files[0]}.js";\n`);
    const manifest = {
      name,
      version: "1.0.0",
      type: "module",
      exports: "./index.js",
      peerDependencies: { "@kinsync/core": "^0.1.0" },
    };
    writeFileSync(join(plugin, "package.json"), JSON.stringify(manifest));
    return pack(plugin);
  });
}

function checkConsumer(tarballs: readonly string[]): void {
  const programs = ["consumer", "consumer-sync", "consumer-plugins"];
  const consumer = createProject(
    "consumer",
    tarballs,
    programs.map((name) => `test/${name}.ts`),
  );
  for (const name of programs) {
    const output = run("node", [`out/test/${name}.js`], consumer);
    if (!output.includes(`${name} ok`)) throw new Error(`${name} printed ${output}`);
  }
  const version = run(join(consumer, "node_modules", ".bin", "kinsync"), ["--version"], consumer).trim();
  if (!/^\d+\.\d+\.\d+/.test(version)) throw new Error(`unexpected output of kinsync --version: ${version}`);
}

/** A global kinsync runs the config of a project that has no kinsync, with each package.json that `npm init` wrote so far, and with none. */
function checkGlobalInstall(tarballs: readonly string[]): void {
  const prefix = join(folder, "global");
  run("npm", ["install", "--global", "--prefix", prefix, "--loglevel=error", ...tarballs], folder);
  for (const type of ["commonjs", "module", undefined]) {
    const project = join(folder, `project-${type ?? "none"}`);
    mkdirSync(join(project, "src"), { recursive: true });
    if (type !== undefined) writeFileSync(join(project, "package.json"), JSON.stringify({ type }));
    writeFileSync(
      join(project, "kinsync.config.ts"),
      'import { defineConfig } from "kinsync";\n' +
        'export default defineConfig({ workloads: [{ workload: "pod/x", sync: [{ from: "src", to: "/app" }] }] });\n',
    );
    // Without a kubeconfig, the command ends after its first line.
    const { stdout, stderr } = spawnSync(join(prefix, "bin", "kinsync"), ["sync"], {
      cwd: project,
      env: { PATH: process.env["PATH"], HOME: project },
      encoding: "utf8",
      timeout: 60_000,
    });
    if (!stdout.startsWith("sync pod/x: src -> /app\n")) {
      throw new Error(`a config in a project of type ${type ?? "none"} does not run: ${stdout}${stderr}`);
    }
  }
}

try {
  const tarballs = packAll();
  const plugins = checkAuthor(tarballs);
  checkConsumer([...tarballs.values(), ...plugins]);
  checkGlobalInstall([...tarballs.values()]);
  const names = [...tarballs.keys()];
  process.stdout.write(`${names.length} packed packages are valid: ${names.join(", ")}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
