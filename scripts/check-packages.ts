// Checks the packages as their users install them: packed, linted, installed into empty projects, compiled against and run. One project
// is of an author of plugins, who builds and packs a kind and a transport; one is of a user, who installs them, too. Others have a config and
// a global kinsync only.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { checkGenerated } from "./check-generated.ts";
import { pack, packAll, packagesOfUser, ROOT, run } from "./pack.ts";
import { buildArchive, releaseVersion } from "./release-archive.ts";

const folder = mkdtempSync(join(tmpdir(), "kinsync-packed-"));

/** Checks what a tarball holds: pages, license, files of the build, and no tests. */
function checkTarball(name: string, tarball: string): void {
  const files = run("tar", ["-tzf", tarball], folder).trim().split("\n");
  for (const file of ["README.md", "LICENSE", "package.json", "dist/index.js", "dist/index.d.ts", "src/index.ts"]) {
    if (!files.includes(`package/${file}`)) throw new Error(`the tarball of ${name} has no ${file}`);
  }
  const stray = files.filter((file) => /^package\/test\/|\.tsbuildinfo$/.test(file));
  if (stray.length > 0) throw new Error(`the tarball of ${name} has ${stray.join(", ")}`);
}

/** Lints every package. */
function lint(tarballs: ReadonlyMap<string, string>): void {
  for (const [name, tarball] of tarballs) {
    checkTarball(name, tarball);
    run("npx", ["publint", "--strict", tarball], ROOT);
    run("npx", ["attw", tarball, "--profile", "esm-only", "--format", "ascii", "--quiet"], ROOT);
  }
}

/** A project outside of the repository, with these packages and files of the repository, compiled into `out`. */
function createProject(name: string, tarballs: readonly string[], files: readonly string[]): string {
  const project = join(folder, name);
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), JSON.stringify({ name, private: true, type: "module" }));
  run("npm", ["install", "--loglevel=error", "--no-save", ...tarballs], project);
  for (const file of files) {
    mkdirSync(dirname(join(project, file)), { recursive: true });
    cpSync(join(ROOT, file), join(project, file));
  }
  writeFileSync(
    join(project, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        target: "es2024",
        lib: ["es2024", "esnext.disposable"],
        module: "nodenext",
        types: ["node"],
        typeRoots: [join(ROOT, "node_modules", "@types")],
        strict: true,
        rootDir: ".",
        outDir: "out",
        rewriteRelativeImportExtensions: true,
      },
      files,
    }),
  );
  run(join(ROOT, "node_modules", ".bin", "tsc"), ["-p", "."], project);
  return project;
}

/** The plugins of the examples as packages: the default export is the factory, as a config by package name needs it. */
const PLUGINS = [
  { name: "kinsync-kind-experiment", from: "own-kind", files: ["experiment"], factory: "experiment" },
  {
    name: "kinsync-transport-share",
    from: "own-transport",
    files: ["share", "share-session", "share-pull"],
    factory: "share",
  },
] as const;

/** Builds the plugins against the packed contract, tests them with the packed kits, and packs them. @returns their tarballs */
function checkAuthor(tarballs: ReadonlyMap<string, string>): readonly string[] {
  const needed = ["@kinsync/core", "@kinsync/playground"].flatMap((name) => tarballs.get(name) ?? []);
  const author = createProject("author", needed, [
    ...["experiment", "experiment.cases"].map((name) => `examples/own-kind/${name}.ts`),
    ...["share", "share-session", "share-pull", "share.environment", "share.playground"].map(
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
    return pack(plugin, folder);
  });
}

function checkVersion(printed: string): void {
  if (printed.trim() !== releaseVersion()) throw new Error(`unexpected output of kinsync --version: ${printed}`);
}

/** The archive of a release runs through a link, as Krew and Homebrew install it, and holds no links itself. */
function checkArchive(tarballs: readonly string[]): void {
  const { version } = buildArchive(tarballs, folder);
  const unpacked = join(folder, "unpacked");
  mkdirSync(unpacked);
  run("tar", ["-xzf", join(folder, `kinsync-${version}.tar.gz`)], unpacked);
  const links = readdirSync(unpacked, { recursive: true, withFileTypes: true }).filter((each) => each.isSymbolicLink());
  if (links.length > 0) throw new Error(`the release archive holds links: ${links.map(({ name }) => name).join(", ")}`);
  const link = join(folder, "kubectl-kinsync");
  symlinkSync(join("unpacked", "kinsync"), link);
  checkVersion(run(link, ["--version"], folder));
}

/** In a built clone, `npx kinsync` and the installation of the README run the clone's own command line. */
function checkClone(): void {
  const prefix = join(folder, "global-clone");
  run("npm", ["install", "--global", "--prefix", prefix, "--loglevel=error", "./packages/cli"], ROOT);
  checkVersion(run(join(prefix, "bin", "kinsync"), ["--version"], folder));
  checkVersion(run(join(prefix, "bin", "kubectl-kinsync"), ["--version"], folder));
  checkVersion(run("npx", ["--no-install", "kinsync", "--version"], ROOT));
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
  for (const name of ["kinsync", "kubectl-kinsync"]) {
    checkVersion(run(join(consumer, "node_modules", ".bin", name), ["--version"], consumer));
  }
  checkStart(consumer);
}

/** Nothing listens there, so that a command ends at its first request. */
const KUBECONFIG = JSON.stringify({
  "current-context": "kind-test",
  contexts: [{ name: "kind-test", context: { cluster: "c", user: "u" } }],
  clusters: [{ name: "c", cluster: { server: "http://127.0.0.1:1" } }],
  users: [{ name: "u", user: {} }],
});
/** Files of kinsync that a command loads until its first request at most. They are parts of the bundle. */
const MAX_OWN_FILES = 90;

/** The program that a project has installed loads its bundle: one by one, its own modules would take longer to load than all that it does with them. */
function checkStart(installed: string): void {
  // Without plugins, which import modules of `@kinsync/core`.
  const project = join(folder, "without-plugins");
  const report = join(project, "modules.jsonl");
  mkdirSync(join(project, "src"), { recursive: true });
  writeFileSync(join(project, "kubeconfig"), KUBECONFIG);
  const preload = join(ROOT, "packages", "cli", "test", "support", "list-modules.mjs");
  const { stdout, stderr } = spawnSync(
    join(installed, "node_modules", ".bin", "kinsync"),
    ["sync", "pod/x", "--sync", "src:/app"],
    {
      cwd: project,
      env: {
        ...process.env,
        NODE_OPTIONS: `--import=${preload}`,
        KINSYNC_MODULES: report,
        KUBECONFIG: join(project, "kubeconfig"),
      },
      encoding: "utf8",
      timeout: 60_000,
    },
  );
  const last = readFileSync(report, "utf8").trim().split("\n").at(-1) ?? "";
  const { urls } = JSON.parse(last) as { readonly urls: readonly string[] };
  const bundled = urls.filter((url) => url.includes("/kinsync/dist/bundle/"));
  const others = urls.filter((url) => /\/@kinsync\/|\/kinsync\/dist\/(?!bundle\/)/.test(url));
  if (
    !stderr.includes("KINSYNC_CLUSTER_") ||
    bundled.length === 0 ||
    bundled.length > MAX_OWN_FILES ||
    others.length > 0
  ) {
    const found = `${bundled.length} files of the bundle and ${others.length} others: ${others.slice(0, 5).join(", ")}`;
    throw new Error(`kinsync sync loaded ${found}\n${stdout}${stderr}`);
  }
  process.stdout.write(
    `    kinsync sync loads ${bundled.length} files of its own, and ${urls.length - bundled.length} of packages\n`,
  );
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
  const tarballs = packAll(folder);
  lint(tarballs);
  const plugins = checkAuthor(tarballs);
  checkGenerated(folder, tarballs);
  const installed = packagesOfUser(tarballs);
  checkConsumer([...installed, ...plugins]);
  checkGlobalInstall(installed);
  checkArchive(installed);
  checkClone();
  const names = [...tarballs.keys()];
  process.stdout.write(`${names.length} packed packages are valid: ${names.join(", ")}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
