import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";

const ROOT = resolve(import.meta.dirname, "..");

interface Manifest {
  readonly name: string;
  readonly license?: string;
  readonly description: string;
  readonly keywords?: readonly string[];
  readonly homepage?: string;
  readonly bugs?: string;
  readonly repository?: { readonly url: string; readonly directory: string };
  readonly publishConfig?: { readonly access?: string };
  readonly bin?: Readonly<Record<string, string>>;
  readonly engines?: { readonly node?: string };
  readonly devDependencies?: Readonly<Record<string, string>>;
}

function manifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(ROOT, folder, "package.json"), "utf8")) as Manifest;
}

const folders = readdirSync(join(ROOT, "packages"));
const packages = folders.map((name) => manifest(join("packages", name)));

test("all packages support the same oldest Node, and are compiled against the types of its major version", () => {
  const oldest = new Set(packages.map(({ engines }) => engines?.node));
  expect(oldest.size).toBe(1);
  const [range = ""] = oldest;
  const [, major, minor] = /^>=(\d+)\.(\d+)$/.exec(range ?? "") ?? [];
  expect(manifest(".").devDependencies?.["@types/node"]).toMatch(new RegExp(`^${major}\\.`));
  const ci = readFileSync(join(ROOT, ".github", "workflows", "ci.yml"), "utf8");
  expect(ci).toMatch(new RegExp(`oldest-node:[\\s\\S]*node-version: ${major}\\.${minor}\\n`));
});

test("each package states its license and what it is for", () => {
  for (const { name, license, description } of packages) {
    expect(license, name).toBe("Apache-2.0");
    expect(description.length, name).toBeGreaterThan(20);
  }
});

test.each(folders)(
  "packages/%s states where it comes from, has a README with an example, and the license as a file",
  (name) => {
    const folder = join("packages", name);
    const { keywords = [], homepage, bugs, repository, publishConfig } = manifest(folder);
    expect(repository).toEqual({ type: "git", url: "git+https://github.com/kinsync/kinsync.git", directory: folder });
    expect(bugs).toBe("https://github.com/kinsync/kinsync/issues");
    expect(homepage).toMatch(/^https:\/\/github\.com\/kinsync\/kinsync(?:\/tree\/main\/packages\/[\w-]+)?#readme$/);
    expect(keywords).toContain("kubernetes");
    expect(publishConfig).toEqual({ access: "public" });
    const text = readFileSync(join(ROOT, folder, "README.md"), "utf8");
    expect(text.startsWith(`# ${manifest(folder).name}\n`)).toBe(true);
    expect(text).toMatch(/^```(?:ts|sh)$/m);
    // npm shows the page without the repository: a relative link would lead nowhere.
    expect([...text.matchAll(/\]\((?!https:\/\/|#)[^)]+\)/g)].map(([link]) => link)).toEqual([]);
    expect(readFileSync(join(ROOT, folder, "LICENSE"), "utf8")).toBe(readFileSync(join(ROOT, "LICENSE"), "utf8"));
  },
);

test("the commands exist before the build, so that npm links them in a fresh clone", () => {
  const { bin = {} } = manifest("packages/cli");
  expect(Object.keys(bin)).toEqual(["kinsync", "kubectl-kinsync"]);
  const tracked = execFileSync("git", ["ls-files", "--stage", "packages/cli"], { cwd: ROOT, encoding: "utf8" });
  // Executable, or npm would change the file in the clone.
  for (const path of Object.values(bin)) expect(tracked).toMatch(new RegExp(`^100755 .*\\tpackages/cli/${path}$`, "m"));
});

test("npm prints no engine warnings in the repository, whichever Node runs it", () => {
  const folder = mkdtempSync(join(tmpdir(), "kinsync-npmrc-"));
  try {
    copyFileSync(join(ROOT, ".npmrc"), join(folder, ".npmrc"));
    // The package needs a Node that nobody has.
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "a", version: "1.0.0", workspaces: ["b"] }));
    mkdirSync(join(folder, "b"));
    const engines = { node: ">=99" };
    writeFileSync(join(folder, "b", "package.json"), JSON.stringify({ name: "b", version: "1.0.0", engines }));
    const npm = (...flags: readonly string[]): string => {
      const args = ["install", "--offline", "--no-audit", "--no-fund", ...flags];
      const { status, stdout, stderr } = spawnSync("npm", args, { cwd: folder, encoding: "utf8" });
      expect(status, stderr).toBe(0);
      return stdout + stderr;
    };
    expect(npm()).not.toContain("EBADENGINE");
    expect(npm("--loglevel=warn")).toContain("EBADENGINE");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("Dependabot updates packages and actions, but not the Node line", () => {
  const { updates } = parse(readFileSync(join(ROOT, ".github", "dependabot.yml"), "utf8")) as {
    readonly updates: readonly {
      readonly "package-ecosystem": string;
      readonly ignore?: readonly { readonly "dependency-name": string }[];
    }[];
  };
  expect(updates.map((each) => each["package-ecosystem"])).toEqual(["npm", "github-actions"]);
  expect(updates[0]?.ignore?.map((each) => each["dependency-name"])).toEqual(["@types/node", "node"]);
});
