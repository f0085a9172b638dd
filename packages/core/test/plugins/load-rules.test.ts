import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseConfigText } from "../../src/document/parse.ts";
import { loadPlugins } from "../../src/plugins/load.ts";

const RULES = `
name: studio
root: { group: example.com, version: v1, kind: Studio }
children:
  - { group: apps, version: v1, kind: Deployment, delegate: true, role: child.metadata.labels.part }
`;

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kinsync-rules-"));
  await mkdir(join(folder, "kinds"));
  await writeFile(join(folder, "kinds/studio.kind.yaml"), RULES);
  await writeFile(
    join(folder, "kinds/broken.kind.yaml"),
    "name: broken\nroot: { group: a.b, version: v1, kind: X }\nrole: rot.x\n",
  );
  await writeFile(join(folder, "kinds/torn.kind.yaml"), "name: [\n");
  await writeFile(
    join(folder, "kinds/fleet.kind.json"),
    JSON.stringify({ name: "fleet", root: { group: "example.com", version: "v1", kind: "Fleet" } }),
  );
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function load(...kinds: Parameters<typeof loadPlugins>[0]["kinds"] & object): ReturnType<typeof loadPlugins> {
  return await loadPlugins({ kinds }, { folder, file: "kinsync.config.yaml", signal: new AbortController().signal });
}

test("a file of rules in YAML or JSON is a kind", async () => {
  const { kinds } = await load({ rules: "./kinds/studio.kind.yaml" }, { rules: "kinds/fleet.kind.json" });
  expect(kinds.map(({ plugin }) => [plugin.name, plugin.type, plugin.root.plural])).toEqual([
    ["studio", "kind", "studios"],
    ["fleet", "kind", "fleets"],
  ]);
  expect(kinds[0]?.origin).toContain("studio.kind.yaml");
});

test("rules may be written in the config", async () => {
  const rules = { name: "inline", root: { group: "example.com", version: "v1", kind: "Inline" } };
  const { kinds } = await load({ rules });
  expect(kinds.map(({ plugin, origin }) => [plugin.name, origin])).toEqual([
    ["inline", "inline (kinds[0].rules in kinsync.config.yaml)"],
  ]);
});

test("rules in the config that are wrong are named by their path", async () => {
  const rules = { name: "inline", root: { group: "example.com", version: "v1", kind: "Inline" }, role: "rot.x" };
  await expect(load({ rules })).rejects.toMatchObject({
    code: "KINSYNC_PLUGIN_RULES",
    message: "kinsync.config.yaml: kinds[0].rules: role: rot is not a variable here in `rot.x`",
  });
});

test("rules in a config with positions are named by file, line and column", async () => {
  const text = [
    "kinds:",
    "  - rules:",
    "      name: inline",
    "      root: { group: example.com, version: v1, kind: Inline }",
    "      role: rot.x",
  ].join("\n");
  const { value, locate } = parseConfigText(text, "kinsync.config.yaml", "yaml");
  const { kinds } = value as { readonly kinds: Parameters<typeof load> };
  const loading = loadPlugins(
    { kinds },
    { folder, file: "kinsync.config.yaml", locate, signal: new AbortController().signal },
  );
  await expect(loading).rejects.toMatchObject({
    message: "kinsync.config.yaml:5:13: role: rot is not a variable here in `rot.x`",
  });
});

test.each<[string, string, string]>([
  [
    "./kinds/broken.kind.yaml",
    "KINSYNC_PLUGIN_RULES",
    "broken.kind.yaml:3:7: role: rot is not a variable here in `rot.x`",
  ],
  ["./kinds/torn.kind.yaml", "KINSYNC_CONFIG_PARSE", "torn.kind.yaml:2:1 is not valid YAML"],
  ["./none.kind.yaml", "KINSYNC_CONFIG_NOT_FOUND", "none.kind.yaml, which kinds[0].rules in kinsync.config.yaml names"],
])("%s is refused with %s", async (file, code, message) => {
  await expect(load({ rules: file })).rejects.toMatchObject({
    code,
    message: expect.stringContaining(message) as string,
  });
});
