import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "..");
const PACKAGES = join(ROOT, "packages");
const names = readdirSync(PACKAGES);

interface Task {
  readonly taskId: string;
  readonly directory: string;
  readonly inputs: Readonly<Record<string, string>>;
  readonly dependencies: readonly string[];
}

interface DryRun {
  readonly globalCacheInputs: { readonly files: Readonly<Record<string, string>> };
  readonly tasks: readonly Task[];
}

interface Manifest {
  readonly name: string;
  readonly scripts: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
}

function manifestOf(name: string): Manifest {
  return JSON.parse(readFileSync(join(PACKAGES, name, "package.json"), "utf8")) as Manifest;
}

/** Source file of each entry point: `@kinsync/core/contract` -> `packages/core/src/contract/index.ts`. */
const entryPoints = new Map(
  names.flatMap((name) => {
    const manifest = manifestOf(name);
    return Object.entries(manifest.exports).flatMap(([path, target]) =>
      typeof target === "string"
        ? []
        : [[join(manifest.name, path), join(PACKAGES, name, target["kinsync:source"] ?? "")] as const],
    );
  }),
);

/** All files of the repository that the files import, directly and indirectly, with themselves. */
function importsOf(files: readonly string[]): ReadonlySet<string> {
  const found = new Set(files);
  for (const file of found) {
    if (!/\.m?[jt]s$/.test(file)) continue;
    for (const [, name = ""] of readFileSync(file, "utf8").matchAll(/(?:\bfrom|\bimport|\bimport\()\s*"([^"]+)"/g)) {
      const target = name.startsWith(".") ? resolve(dirname(file), name) : entryPoints.get(name);
      if (target !== undefined && existsSync(target)) found.add(target);
    }
  }
  return found;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".tsbuildinfo"))
    .map((entry) => join(entry.parentPath, entry.name));
}

const turbo = join(ROOT, "node_modules", "turbo", "bin", "turbo");
const dryRun = JSON.parse(
  execFileSync(process.execPath, [turbo, "run", "test", "check", "test:repository", "check:repository", "--dry=json"], {
    cwd: ROOT,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    maxBuffer: 64 * 1024 * 1024,
  }),
) as DryRun;

/** The files in the cache key of a task: its own inputs, those of the tasks it depends on, and the global ones. */
function keyFilesOf(taskId: string): ReadonlySet<string> {
  const files = new Set(Object.keys(dryRun.globalCacheInputs.files).map((path) => join(ROOT, path)));
  const tasks = new Set([taskId]);
  for (const id of tasks) {
    const task = dryRun.tasks.find((each) => each.taskId === id);
    if (task === undefined) throw new Error(`there is no task ${id}`);
    for (const path of Object.keys(task.inputs)) files.add(join(ROOT, task.directory, path));
    for (const dependency of task.dependencies) tasks.add(dependency);
  }
  return files;
}

test.each(names)("packages/%s is built, checked and tested by turbo", (name) => {
  expect(manifestOf(name).scripts).toMatchObject({
    build: name === "cli" ? "tsc -b && node ../../scripts/bundle-cli.ts" : "tsc -b",
    check: expect.stringMatching(/^tsc -b \. test && oxlint \./) as string,
    test: `vitest run --root ../.. --project ${name}`,
  });
});

test.each(names)("packages/%s: every file that its tests import is in the cache key of its tests", (name) => {
  const key = keyFilesOf(`${manifestOf(name).name}#test`);
  const imported = importsOf(filesBelow(join(PACKAGES, name, "test")));
  expect(imported.size).toBeGreaterThan(3);
  expect([...imported].filter((file) => !key.has(file)).map((file) => relative(ROOT, file))).toEqual([]);
  for (const file of ["vitest.config.ts", "tsconfig.base.json", "package-lock.json", "package.json"]) {
    expect(key, file).toContain(join(ROOT, file));
  }
});

test.each(names)("packages/%s: every file that is compiled and linted is in the cache key of its check", (name) => {
  const key = keyFilesOf(`${manifestOf(name).name}#check`);
  const compiled = importsOf(["src", "test"].flatMap((folder) => filesBelow(join(PACKAGES, name, folder))));
  expect([...compiled].filter((file) => !key.has(file)).map((file) => relative(ROOT, file))).toEqual([]);
  for (const file of [".oxlintrc.json", "tsconfig.base.json", "package-lock.json"]) {
    expect(key, file).toContain(join(ROOT, file));
  }
});

test.each(["test:repository", "check:repository"])("%s depends on the whole repository", (task) => {
  const key = keyFilesOf(`//#${task}`);
  for (const file of [
    "README.md",
    "packages/core/src/index.ts",
    ".github/workflows/ci.yml",
    "e2e/run.ts",
    "turbo.json",
  ]) {
    expect(key, file).toContain(join(ROOT, file));
  }
});

test("the Node that runs the tasks is the one of the lockfile, and the lockfile is in every cache key", () => {
  const scripts = (JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as Manifest).scripts;
  for (const name of ["test", "check"]) expect(scripts[name]).toMatch(/^node scripts\/require-node\.mjs && turbo run /);
  expect(Object.keys(dryRun.globalCacheInputs.files)).toContain("package-lock.json");
});

test("CI uses no result of an earlier run", () => {
  expect(readFileSync(join(ROOT, ".ci", "run"), "utf8")).toMatch(
    /^TURBO_CACHE_DIR=\$\(mktemp -d\)\nexport TURBO_CACHE_DIR$/m,
  );
  const config = JSON.parse(readFileSync(join(ROOT, "turbo.json"), "utf8")) as object;
  expect(config).toMatchObject({ remoteCache: { enabled: false }, cacheDir: ".turbo/cache" });
});

test("the test files that are started first exist", () => {
  const paths = [...readFileSync(join(ROOT, "vitest.config.ts"), "utf8").matchAll(/^ {2}"([\w./-]+\.test\.ts)",$/gm)];
  expect(paths.length).toBeGreaterThan(5);
  for (const [, path = ""] of paths)
    expect(existsSync(join(ROOT, path)), `rename ${path} in vitest.config.ts`).toBe(true);
});
