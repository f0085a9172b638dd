import { execFileSync, spawnSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { outerPatterns } from "../../../src/local/ignore/outer-patterns.ts";
import { listLeftOut } from "../../../src/local/ignore/left-out.ts";
import { NO_OUTER_FILES, readOuterFiles } from "../../../src/local/ignore/outer-files.ts";
import { freshScan, pathsOf, specOf, tempFolder, watched, write } from "../support/fixture.ts";

test.each([
  ["*.log", ["*.log"]],
  ["dist/", ["dist/"]],
  ["/packages/api/dist", ["/dist"]],
  ["packages/*/dist/", ["/dist/"]],
  ["!packages/api/keep.log", ["!/keep.log"]],
  ["**/dist/x", ["/**/dist/x"]],
  ["packages/**", ["/**"]],
  ["packages/web/dist", []],
  ["packages/api", []],
  ["api", ["api"]],
  ["/dist", []],
  ["# x", []],
  ["!", []],
  ["a b\\ ", ["a b\\ "]],
])("%s above packages/api means %j in it", (line, patterns) => {
  expect(outerPatterns(line, ["packages", "api"])).toEqual(patterns);
});

async function monorepo(files: Readonly<Record<string, string>>): Promise<string> {
  const root = await tempFolder();
  await write(root, { ".git/": "", ...files });
  return root;
}

test("rules above the mapped folder count, up to the root of the repository", async () => {
  const root = await monorepo({
    ".gitignore": "dist/\n*.log\npackages/api/*.env\n",
    "packages/.gitignore": "!keep.log\n",
    "packages/api/dist/x.js": "",
    "packages/api/a.log": "",
    "packages/api/keep.log": "",
    "packages/api/secret.env": "",
    "packages/api/src/app.py": "",
  });
  const state = await freshScan(specOf(join(root, "packages/api"), { ignoreFiles: [".gitignore"] }));
  expect(pathsOf(state)).toEqual(["keep.log", "src", "src/app.py"]);
});

test("no rules come from above the root of the repository, nor without a repository", async () => {
  const root = await tempFolder();
  await write(root, { ".gitignore": "*.py\n", "repo/.git/": "", "repo/src/a.py": "", "free/a.py": "" });
  const inRepository = await freshScan(specOf(join(root, "repo/src"), { ignoreFiles: [".gitignore"] }));
  const without = await freshScan(specOf(join(root, "free"), { ignoreFiles: [".gitignore"] }));
  expect([pathsOf(inRepository), pathsOf(without)]).toEqual([["a.py"], ["a.py"]]);
});

test("a mapped folder that is itself ignored is synced", async () => {
  const root = await monorepo({
    ".gitignore": "dist\n*.map\n",
    ".dockerignore": "dist\n",
    "dist/a.js": "",
    "dist/a.map": "",
  });
  const state = await freshScan(specOf(join(root, "dist"), { ignoreFiles: [".gitignore", ".dockerignore"] }));
  expect(pathsOf(state)).toEqual(["a.js"]);
});

test("the .dockerignore of the build context counts in a folder below it", async () => {
  const root = await monorepo({
    ".dockerignore": "*\n!src\nsrc/secret\n",
    "src/a.py": "",
    "src/secret/key": "",
  });
  const state = await freshScan(specOf(join(root, "src"), { ignoreFiles: [".dockerignore"] }));
  expect(pathsOf(state)).toEqual(["a.py"]);
});

test("a change of a .gitignore above the mapped folder is noticed", async () => {
  const root = await monorepo({ "src/a.log": "", "src/a.py": "" });
  const { until } = await watched(specOf(join(root, "src"), { ignoreFiles: [".gitignore"] }), { heartbeatMs: 50 });
  await write(root, { ".gitignore": "*.log\n" });
  const state = await until((each) => !pathsOf(each).includes("a.log"));
  expect(pathsOf(state)).toEqual(["a.py"]);
});

test("unchanged files above are not read again", async () => {
  const root = await monorepo({ ".gitignore": "a\n", "src/": "" });
  const first = readOuterFiles(join(root, "src"), [".gitignore"], NO_OUTER_FILES);
  expect(first.git).toEqual([{ name: ".gitignore", file: "../.gitignore", text: "a\n", base: ["src"] }]);
  expect(readOuterFiles(join(root, "src"), [".gitignore"], first)).toBe(first);
});

test("what a mapping leaves out is listed with its rules", async () => {
  const root = await monorepo({
    ".gitignore": "*.log\n",
    "src/a.log": "",
    "src/b/c.ipynb": "",
    "src/node_modules/x/index.js": "",
    "src/env/pyvenv.cfg": "",
    "src/app.py": "",
  });
  const mapping = specOf(join(root, "src"), { ignore: ["*.ipynb"], ignoreFiles: [".gitignore"] });
  const { paths, count } = await listLeftOut(mapping, { signal: AbortSignal.timeout(10_000) });
  expect(paths.map(({ path, isDirectory, rule }) => [path, isDirectory, rule.where])).toEqual([
    ["a.log", false, "../.gitignore:1"],
    ["b/c.ipynb", false, "ignore[0]"],
    ["env", true, "default (has pyvenv.cfg)"],
    ["node_modules", true, "default"],
  ]);
  expect(count).toBe(4);
  expect((await listLeftOut(mapping, { signal: AbortSignal.timeout(10_000), limit: 1 })).count).toBe(4);
});

const hasGit = spawnSync("git", ["--version"]).status === 0;

test.skipIf(!hasGit)("rules above the mapped folder ignore what git ignores", async () => {
  const root = await tempFolder();
  execFileSync("git", ["init", "-q", root]);
  const base = "a/b";
  await mkdir(join(root, base, "d"), { recursive: true });
  const names = ["f", "g.log", "b", "a", "dir"];
  const paths = ["", "d/"].flatMap((at) => names.map((name) => at + name));
  const pattern = fc
    .tuple(
      fc.constantFrom("", "!", "/", "!/"),
      fc.constantFrom("f", "*.log", "a/b/f", "a/*/d/f", "**/f", "a/**", "a/b/*", "b/d", "*/b/g.log", "**/d/**", "d/f"),
      fc.constantFrom("", "/", " "),
    )
    .map((parts) => parts.join(""));
  const text = fc.array(pattern, { maxLength: 3 }).map((lines) => lines.join("\n"));
  await fc.assert(
    fc.asyncProperty(text, text, async (atRoot, inA) => {
      await writeFile(join(root, ".gitignore"), atRoot);
      await writeFile(join(root, "a/.gitignore"), inA);
      const { IgnoreRules } = await import("../../../src/local/ignore/ignore-rules.ts");
      const spec = specOf(join(root, base), { ignoreDefaults: false, ignoreFiles: [".gitignore"] });
      const own = IgnoreRules.for(spec).withOuter(readOuterFiles(spec.from, [".gitignore"], NO_OUTER_FILES));
      const asked = ["a/", "a/b/", ...paths.map((path) => `${base}/${path}`)];
      const answer = spawnSync("git", ["-C", root, "check-ignore", "--no-index", "-z", "--stdin"], {
        input: asked.join("\0"),
        encoding: "utf8",
      });
      const ignored = new Set(answer.stdout.split("\0"));
      // Below an ignored folder git ignores all; kinsync takes the mapped folder as meant.
      if (ignored.has("a/") || ignored.has("a/b/")) return;
      for (const path of paths) {
        expect([path, atRoot, inA, own.ignores(path, false)]).toEqual([
          path,
          atRoot,
          inA,
          ignored.has(`${base}/${path}`),
        ]);
      }
    }),
    { numRuns: 40 },
  );
});
