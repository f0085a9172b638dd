import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { fillTemplate } from "../scripts/release-archive.ts";

const ROOT = resolve(import.meta.dirname, "..");
const RELEASE = { version: "1.2.3", sha256: "ab".repeat(32) };
const URL = "https://github.com/kinsync/kinsync/releases/download/kinsync%401.2.3/kinsync-1.2.3.tar.gz";

function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

test("the Krew manifest of a release names its archive, its digest, and the program in it", () => {
  const manifest = parse(fillTemplate(read("packaging/krew.yaml"), RELEASE), { strict: true }) as {
    readonly kind: string;
    readonly metadata: { readonly name: string };
    readonly spec: {
      readonly version: string;
      readonly shortDescription: string;
      readonly platforms: readonly { readonly uri: string; readonly sha256: string; readonly bin: string }[];
    };
  };
  expect(manifest).toMatchObject({ kind: "Plugin", metadata: { name: "kinsync" }, spec: { version: "v1.2.3" } });
  // Krew's own limit.
  expect(manifest.spec.shortDescription.length).toBeLessThanOrEqual(50);
  expect(manifest.spec.platforms).toMatchObject([{ uri: URL, sha256: RELEASE.sha256, bin: "kinsync" }]);
});

test("the Homebrew formula of a release names its archive and digest, and links both commands", () => {
  const formula = fillTemplate(read("packaging/homebrew.rb"), RELEASE);
  expect(formula).toMatch(/^class Kinsync < Formula\n/);
  expect(formula).toContain(`url "${URL}"`);
  expect(formula).toContain(`sha256 "${RELEASE.sha256}"`);
  expect(formula).toContain('depends_on "node"');
  expect(formula).toContain('bin.install_symlink libexec/"kinsync"\n');
  expect(formula).toContain('bin.install_symlink libexec/"kinsync" => "kubectl-kinsync"\n');
  // Every block is closed.
  const opened = formula.match(/^ *(?:class|def)\b|\bdo$/gm) ?? [];
  expect(formula.match(/^ *end$/gm)).toHaveLength(opened.length);
});

test.each(["krew.yaml", "homebrew.rb"])("no placeholder of %s stays", (name) => {
  expect(fillTemplate(read(`packaging/${name}`), RELEASE)).not.toMatch(/\{\{|# Template/);
});

test("the program of the archive runs kinsync beside it, also through links, with its arguments unchanged", () => {
  const folder = mkdtempSync(join(tmpdir(), "kinsync archive-"));
  try {
    const bin = join(folder, "node_modules/kinsync/bin");
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, "kinsync.mjs"), "process.stdout.write(JSON.stringify(process.argv.slice(2)));\n");
    writeFileSync(join(folder, "kinsync"), read("packaging/kinsync.sh"), { mode: 0o755 });
    symlinkSync("kinsync", join(folder, "relative"));
    symlinkSync(join(folder, "relative"), join(folder, "absolute"));
    for (const name of ["kinsync", "relative", "absolute"]) {
      const { stdout, stderr } = spawnSync(join(folder, name), ["up", "a b", "$HOME"], { encoding: "utf8" });
      expect({ stdout, stderr }).toEqual({ stdout: '["up","a b","$HOME"]', stderr: "" });
    }
    const { status, stderr } = spawnSync("/bin/sh", [join(folder, "kinsync")], {
      env: { PATH: folder },
      encoding: "utf8",
    });
    expect(status).toBe(2);
    expect(stderr).toContain("hint: install it from https://nodejs.org");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("the image is built by scripts of the repository, with the Node that kinsync is tested on, and runs as an ordinary user", () => {
  const text = read("Dockerfile");
  const { scripts, devDependencies } = JSON.parse(read("package.json")) as {
    readonly scripts: Readonly<Record<string, string>>;
    readonly devDependencies: Readonly<Record<string, string>>;
  };
  for (const [, name = ""] of text.matchAll(/npm run ([\w:]+)/g)) expect(Object.keys(scripts)).toContain(name);
  const major = devDependencies["node"]?.split(".")[0];
  expect([...text.matchAll(/^FROM node:(\d+)-/gm)].map(([, found]) => found)).toEqual([major, major]);
  const [, page = ""] = /\((docs\/[\w/.-]+)\)/.exec(text) ?? [];
  expect(existsSync(join(ROOT, page)), page).toBe(true);
  const last = text.slice(text.lastIndexOf("FROM "));
  expect(last).toContain("\nUSER node\n");
  expect(last).toContain('\nENTRYPOINT ["kinsync"]\n');
  expect(read(".dockerignore").split("\n")).toEqual(expect.arrayContaining(["**/node_modules", "**/dist", ".git"]));
});
