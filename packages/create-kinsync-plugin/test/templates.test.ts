import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { loadRulesFile } from "@kinsync/core/config";
import { expect, test } from "vitest";
import { pluralOf as pluralOfCore } from "../../core/src/text/plural.ts";
import { pluralOf, type PluginSpec } from "../src/spec.ts";
import { filesOf } from "../src/templates.ts";

const ROOT = resolve(import.meta.dirname, "../../..");

const STUDIO = { type: "rules", kind: "Studio", group: "example.com", version: "v1", plural: "studios" } as const;

const SPECS: readonly PluginSpec[] = [
  STUDIO,
  { type: "kind", kind: "MediaStudio", group: "media.example.com", version: "v1alpha1", plural: "mediastudios" },
  { type: "transport", name: "my-share" },
];

async function contentOf(spec: PluginSpec): Promise<ReadonlyMap<string, string>> {
  return new Map((await filesOf(spec)).map(({ path, text }) => [path, text]));
}

test.each(SPECS)("of the template $type, every placeholder gets a value", async (spec) => {
  for (const { path, text } of await filesOf(spec)) {
    expect(path).not.toContain("__");
    expect(text, path).not.toMatch(/__\w+__/);
  }
});

test("the kind in code and the kind as rules have the same cases", async () => {
  const [rules, kind] = await Promise.all((["rules", "kind"] as const).map((type) => contentOf({ ...STUDIO, type })));
  const fixtures = (files: ReadonlyMap<string, string> | undefined) =>
    [...(files ?? [])].filter(([path]) => path.startsWith("fixtures/"));
  expect(fixtures(rules).length).toBeGreaterThanOrEqual(6);
  expect(fixtures(rules)).toEqual(fixtures(kind));
});

test("the transport named share is the transport of the examples", async () => {
  const files = await contentOf({ type: "transport", name: "share" });
  const example = (name: string): string => readFileSync(join(ROOT, "examples/own-transport", name), "utf8");
  expect(files.get("src/share.ts")).toBe(example("share.ts"));
  expect(files.get("src/share-session.ts")).toBe(example("share-session.ts"));
  expect(files.get("src/share-pull.ts")).toBe(example("share-pull.ts"));
  expect(files.get("test/environment.ts")?.replace("../src/share.ts", "./share.ts")).toBe(
    example("share.environment.ts").replace("kinsync-share-", "kinsync-transport-share-"),
  );
});

test("a generated plugin needs the versions of kinsync that this package was released with, and the repository's tools", async () => {
  const versionOf = (path: string): string =>
    (JSON.parse(readFileSync(join(ROOT, path, "package.json"), "utf8")) as { readonly version: string }).version;
  const { devDependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    readonly devDependencies: Readonly<Record<string, string>>;
  };
  const ranges = {
    kinsync: `^${versionOf("packages/cli")}`,
    "@kinsync/core": `^${versionOf("packages/core")}`,
    typescript: `^${devDependencies["typescript"]}`,
    "@types/node": `^${devDependencies["@types/node"]}`,
  };
  for (const spec of SPECS) {
    const manifest = JSON.parse((await contentOf(spec)).get("package.json") ?? "") as {
      readonly devDependencies: Readonly<Record<string, string>>;
      readonly peerDependencies: Readonly<Record<string, string>>;
    };
    expect(ranges).toMatchObject(manifest.devDependencies);
    expect(ranges).toMatchObject(manifest.peerDependencies);
  }
});

test.each([
  { ...STUDIO, type: "kind", kind: "Function", plural: "functions" },
  { ...STUDIO, type: "kind", kind: "Test", plural: "tests" },
  { type: "transport", name: "import" },
  { type: "transport", name: "rm" },
] as const)("a name that JavaScript or the template has already is not that of the factory: %j", async (spec) => {
  const index = (await contentOf(spec)).get("src/index.ts");
  expect(index).toMatch(/^export \{ (?:function|test|import|rm)Plugin, /);
});

test("the generated rules are the ones that kinsync compiles, for any kind", async () => {
  const folder = mkdtempSync(join(tmpdir(), "create-kinsync-plugin-"));
  try {
    const files = await contentOf({ ...STUDIO, kind: "Policy", plural: "policies", group: "a-1.example.com" });
    writeFileSync(join(folder, "policy.kind.yaml"), files.get("policy.kind.yaml") ?? "");
    const { plugin } = await loadRulesFile(join(folder, "policy.kind.yaml"));
    expect(plugin.root).toMatchObject({ group: "a-1.example.com", kind: "Policy", plural: "policies" });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.each(["Studio", "Policy", "Ingress", "Gateway", "Box", "Batch", "Mesh"])(
  "the plural of %s is that of rules",
  (kind) => {
    expect(pluralOf(kind)).toBe(pluralOfCore(kind));
  },
);
