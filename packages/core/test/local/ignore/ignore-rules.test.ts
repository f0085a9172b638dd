import { execFileSync, spawnSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { IgnoreRules } from "../../../src/local/ignore/ignore-rules.ts";
import type { SourceSpec } from "../../../src/local/source.ts";
import { tempFolder } from "../support/fixture.ts";

function rules(changes: Partial<SourceSpec> = {}): IgnoreRules {
  return IgnoreRules.for({
    ignore: [],
    ignoreDefaults: true,
    ignoreFiles: [".gitignore", ".dockerignore"],
    ...changes,
  });
}

test("files of editors and tools are ignored by default, at every depth", () => {
  const names = [
    ".git",
    "node_modules",
    ".venv",
    "__pycache__",
    "a.pyc",
    ".DS_Store",
    ".main.py.swp",
    "main.py~",
    "4913",
  ];
  const more = [".#main.py", "#main.py#", "main.py___jb_tmp___", "main.py___jb_old___", ".main.py.kate-swp"];
  for (const name of [...names, ...more]) {
    expect([name, rules().ignores(name, false), rules().ignores(`a/b/${name}`, false)]).toEqual([name, true, true]);
    expect(rules({ ignoreDefaults: false }).ignores(name, false)).toBe(false);
  }
  expect(rules().ignores("node_modules/x/index.js", false)).toBe(true);
  expect(rules().ignores("src/git", true)).toBe(false);
});

test("no rule includes kinsync's own folder", () => {
  const own = rules({ ignoreDefaults: false, ignore: ["!.kinsync", "!**/.kinsync/**"] });
  for (const path of [".kinsync", "a/.kinsync", ".kinsync/x", "a/.kinsync/b/c"])
    expect(own.ignores(path, true)).toBe(true);
  expect(own.ignores("a.kinsync", false)).toBe(false);
});

test("a mapping includes what a default or a file ignores", () => {
  const own = rules({ ignore: ["!*.pyc", "!dist"] }).with("", ".gitignore", "dist\n*.log\n");
  expect(own.ignores("a.pyc", false)).toBe(false);
  expect(own.ignores("dist/x.js", false)).toBe(false);
  expect(own.ignores("x.log", false)).toBe(true);
});

test("no rule includes a path below an ignored folder", () => {
  expect(rules({ ignore: ["build", "!build/keep"] }).ignores("build/keep", false)).toBe(true);
  expect(rules({ ignore: ["build/*", "!build/keep"] }).ignores("build/keep", false)).toBe(false);
});

test("a rule with a slash at the end matches folders only", () => {
  expect(rules({ ignore: ["out/"] }).ignores("out", false)).toBe(false);
  expect(rules({ ignore: ["out/"] }).ignores("out", true)).toBe(true);
});

test("rules of a nested file apply below its folder, after those of the folders above", () => {
  const own = rules().with("", ".gitignore", "*.log").with("a", ".gitignore", "!keep.log\n/only\nx/y");
  expect(own.ignores("a/keep.log", false)).toBe(false);
  expect(own.ignores("a/b/keep.log", false)).toBe(false);
  expect(own.ignores("keep.log", false)).toBe(true);
  expect(own.ignores("a/only", false)).toBe(true);
  expect(own.ignores("a/b/only", false)).toBe(false);
  expect(own.ignores("a/x/y", false)).toBe(true);
  expect(own.ignores("x/y", false)).toBe(false);
});

test("a change without effect returns the same rules object", () => {
  const own = rules().with("a", ".gitignore", "x");
  expect(own.with("a", ".gitignore", "x")).toBe(own);
  expect(own.without("b")).toBe(own);
  expect(own.without("a").ignores("a/x", false)).toBe(false);
});

test("docker's rules start at the root and include paths below an ignored folder", () => {
  const own = rules().with("", ".dockerignore", "# all\n*\n!src/app\n!*.toml\n**/secret\n/out/\n");
  expect(own.ignores("README.md", false)).toBe(true);
  expect(own.ignores("pyproject.toml", false)).toBe(false);
  expect(own.ignores("src", true)).toBe(false);
  expect(own.ignores("src/other", false)).toBe(true);
  expect(own.ignores("src/app/main.py", false)).toBe(false);
  expect(own.ignores("src/app/secret", false)).toBe(true);
  expect(rules().with("", ".dockerignore", "foo").ignores("a/foo", false)).toBe(false);
});

test("only the named files contain rules, and .dockerignore only at the root", () => {
  expect(rules().isRuleFile("a", ".gitignore")).toBe(true);
  expect(rules().isRuleFile("", ".dockerignore")).toBe(true);
  expect(rules().isRuleFile("a", ".dockerignore")).toBe(false);
  expect(rules({ ignoreFiles: [] }).isRuleFile("", ".gitignore")).toBe(false);
});

const hasGit = spawnSync("git", ["--version"]).status === 0;

test.skipIf(!hasGit)("nested .gitignore files ignore what git ignores", async () => {
  const folder = await tempFolder();
  execFileSync("git", ["init", "-q", folder]);
  const folders = ["", "a", "a/b", "a [1]", "a/b/#x"];
  for (const at of folders) await mkdir(join(folder, at), { recursive: true });
  const names = ["f", "g.log", "b", "a", "#x", "a [1]", "!n", "dir"];
  const paths = folders.flatMap((at) => names.map((name) => (at === "" ? name : `${at}/${name}`)));
  const pattern = fc
    .tuple(
      fc.constantFrom("", "!", "/", "!/"),
      fc.constantFrom(
        "f",
        "*.log",
        "b",
        "a/b",
        "b/f",
        "**/f",
        "a/**",
        "*",
        "?",
        "\\#x",
        "\\!n",
        "a*/f",
        "[fg]*",
        "dir",
        "#x",
        "a\\ \\[1\\]",
        "",
      ),
      fc.constantFrom("", "/", " "),
    )
    .map((parts) => parts.join(""));
  const text = fc.array(pattern, { maxLength: 3 }).map((lines) => lines.join("\n"));
  await fc.assert(
    fc.asyncProperty(fc.tuple(...folders.map(() => fc.option(text, { nil: undefined }))), async (texts) => {
      let own = rules({ ignoreDefaults: false });
      for (const [index, at] of folders.entries()) {
        own = own.with(at, ".gitignore", texts[index]);
        await writeFile(join(folder, at, ".gitignore"), texts[index] ?? "");
      }
      const tested = paths.filter((path) => !folders.includes(path));
      const answer = spawnSync("git", ["-C", folder, "check-ignore", "--no-index", "-z", "--stdin"], {
        input: tested.join("\0"),
        encoding: "utf8",
      });
      const ignored = new Set(answer.stdout.split("\0"));
      for (const path of tested)
        expect([path, texts, own.ignores(path, false)]).toEqual([path, texts, ignored.has(path)]);
    }),
    { numRuns: 150 },
  );
});
