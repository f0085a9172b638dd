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
  const names = [".git", "node_modules", ".venv", "__pycache__", "a.pyc", ".DS_Store", ".main.py.swp", "main.py~"];
  const more = [".#main.py", "#main.py#", "main.py___jb_tmp___", "main.py___jb_old___", ".main.py.kate-swp"];
  for (const name of [...names, ...more]) {
    expect([name, rules().ignores(name, false), rules().ignores(`a/b/${name}`, false)]).toEqual([name, true, true]);
    expect(rules({ ignoreDefaults: false }).ignores(name, false)).toBe(false);
  }
  expect(rules().ignores("node_modules/x/index.js", false)).toBe(true);
  expect(rules().ignores("src/git", true)).toBe(false);
});

test.each([
  ["vim", ".main.py.swn"],
  ["Jupyter", ".~train.ipynb"],
  ["LibreOffice", ".~lock.table.ods#"],
  ["flycheck", "flycheck_app.py"],
  ["flymake", "app_flymake.py"],
  ["Vite", "vite.config.ts.timestamp-1700000000000-0123456789abc.mjs"],
  ["tsup", "tsup.config.bundled_abc123.mjs"],
  ["Rollup", "rollup.config-1700000000000.cjs"],
  ["npm", "package.json.3820418937"],
  ["gofmt", "main.go.123456789"],
  ["macOS", "._main.py"],
  ["macOS", "notes.txt.sb-1a2b3c4d-Xy12zW"],
  ["macOS", "Icon\r"],
  ["Windows", "$RECYCLE.BIN"],
  ["Visual Studio", "Program.cs~RF1a2b3c.TMP"],
  ["NFS", ".nfs000000000123abcd00000001"],
  ["FUSE", ".fuse_hidden0000001200000001"],
  ["CIFS", ".smb0001"],
  ["Mutagen", ".mutagen-temporary-abc"],
  ["Syncthing", ".syncthing.main.py.tmp"],
  ["Nextcloud", ".main.py.~1a2b"],
])("temporary files of %s are ignored: %s", (_program, name) => {
  expect(rules().ignores(name, false)).toBe(true);
  expect(rules().ignores(`a/b/${name}`, false)).toBe(true);
  expect(rules().ruleOf(name, false)).toMatchObject({ from: "default", where: "default" });
});

test.each([
  ..."4913 4912 data.part run.tmp model.bak x.orig .env .env.sample .eslintrc.config .npmrc .swift".split(" "),
  ..."timestamp-1.csv env venv venv.txt build dist target out logs core desktop.py flycheck go.mod.1".split(" "),
  ..."nfs .nfsrc package.json rollup.config.js vite.config.ts ~ a.sb-1 icon .smbrc".split(" "),
])("%s may be a name of data and is not ignored by default", (name) => {
  if (name === "~") return;
  expect(rules().ignores(name, false)).toBe(false);
});

const WHITELIST = "*\n!*/\n!*.py\n!.gitignore\n";

test("repositories and installed packages stay out although a .gitignore lists what belongs to the project", () => {
  const own = rules().with("", ".gitignore", WHITELIST);
  for (const name of [".git", "node_modules", ".venv", "a/.git", "web/node_modules", ".hg"]) {
    expect([name, own.ignores(name, true), own.ignores(`${name}/hook.py`, false)]).toEqual([name, true, true]);
  }
  expect(own.ignores("main.py", false)).toBe(false);
});

test("a mapping includes them only by name", () => {
  const all = rules({ ignore: ["*", "!*/", "!*.py"] });
  expect(all.ignores(".git", true)).toBe(true);
  expect(all.ignores("node_modules/a.py", false)).toBe(true);
  const named = rules({ ignore: ["!/web/node_modules/"] });
  expect(named.ignores("web/node_modules", true)).toBe(false);
  expect(named.ignores("web/node_modules/a.js", false)).toBe(false);
  expect(named.ignores("node_modules", true)).toBe(true);
  expect(rules({ ignoreDefaults: false }).ignores(".git", true)).toBe(false);
});

test("a virtual environment stays out under any name, unless the mapping names it", () => {
  const own = rules().withEnvironment("env", true).with("", ".gitignore", WHITELIST);
  expect(own.ignores("env", true)).toBe(true);
  expect(own.ignores("env/lib/x.py", false)).toBe(true);
  expect(own.ruleOf("env", true)?.where).toBe("default (has pyvenv.cfg)");
  expect(own.withEnvironment("env", false).ignores("env", true)).toBe(false);
  expect(
    rules({ ignore: ["!env"] })
      .withEnvironment("env", true)
      .ignores("env", true),
  ).toBe(false);
});

test("Dockerfile.dockerignore takes the place of .dockerignore", () => {
  const own = rules().with("", ".dockerignore", "a").with("", "Dockerfile.dockerignore", "b");
  expect(own.ignores("a", false)).toBe(false);
  expect(own.ruleOf("b", false)).toEqual({ from: "file", pattern: "b", where: "Dockerfile.dockerignore:1" });
  const web = rules({ ignoreFiles: ["web.dockerignore", ".dockerignore"] }).with("", "web.dockerignore", "c");
  expect(web.with("", ".dockerignore", "a").ignores("c", false)).toBe(true);
});

test("each ignored path names its rule", () => {
  const own = rules({ ignore: ["*.ipynb"] })
    .with("", ".gitignore", "# all\n\n*.log\n")
    .with("a", ".gitignore", "/dist/\n");
  expect(own.ruleOf("x.log", false)).toEqual({ from: "file", pattern: "*.log", where: ".gitignore:3" });
  expect(own.ruleOf("a/dist", true)).toEqual({ from: "file", pattern: "/dist/", where: "a/.gitignore:1" });
  expect(own.ruleOf("a/dist/x.js", false)).toEqual({ from: "file", pattern: "/dist/", where: "a/.gitignore:1" });
  expect(own.ruleOf("b/n.ipynb", false)).toEqual({ from: "mapping", pattern: "*.ipynb", where: "ignore[0]" });
  expect(own.ruleOf("node_modules/x", false)).toMatchObject({ from: "default", pattern: "node_modules" });
  expect(own.ruleOf("main.py", false)).toBeUndefined();
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
