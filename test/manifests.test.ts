import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";

const ROOT = resolve(import.meta.dirname, "..");

interface Manifest {
  readonly name: string;
  readonly license?: string;
  readonly description: string;
  readonly engines?: { readonly node?: string };
  readonly devDependencies?: Readonly<Record<string, string>>;
}

function manifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(ROOT, folder, "package.json"), "utf8")) as Manifest;
}

const packages = readdirSync(join(ROOT, "packages")).map((name) => manifest(join("packages", name)));

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
