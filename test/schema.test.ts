import { readdirSync, readFileSync } from "node:fs";
import { extname, join, resolve } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { CONFIG_FILES, SCHEMA_URL } from "@kinsync/core/config";
import { schemaText } from "../packages/core/src/config/schema-text.ts";
import { rulesSchemaText } from "../packages/core/src/rules/schema-text.ts";
import { RULES_SCHEMA_URL } from "../packages/core/src/rules/schema-url.ts";

const root = resolve(import.meta.dirname, "..");
const schema = JSON.parse(schemaText()) as { readonly $id: string };
const rulesSchema = JSON.parse(rulesSchemaText()) as { readonly $id: string };
const ajv = new Ajv2020({ allErrors: true, strict: true, strictTypes: false }).addSchema(rulesSchema);
const validate = ajv.compile(schema);
const validateRules = ajv.compile({ $ref: RULES_SCHEMA_URL });

/** Every config in YAML or JSON of the repository: files, and blocks of pages that have the key `workloads`. */
function configs(): readonly (readonly [name: string, value: unknown])[] {
  const folders = ["docs", "examples", "packages"];
  const paths = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((path) => !/(?:^|\/)(?:node_modules|dist)\//.test(path))
      .map((path) => join(folder, path)),
  );
  const data = new Set(CONFIG_FILES.filter((name) => /rc$|\.(?:yaml|yml|json)$/.test(name) && name !== "package.json"));
  const files = paths.filter((path) => data.has(path.split("/").at(-1) ?? ""));
  const blocks = ["README.md", ...paths.filter((path) => extname(path) === ".md")].flatMap((page) =>
    [...readFileSync(join(root, page), "utf8").matchAll(/^ *```(?:yaml|json)\n([\s\S]*?)^ *```/gm)].flatMap(
      ([, block = ""], index) => {
        if (!/^ *"?workloads"?:/m.test(block)) return [];
        return [[`${page}, block ${index + 1}`, parse(block) as unknown] as const];
      },
    ),
  );
  return [...files.map((path) => [path, parse(readFileSync(join(root, path), "utf8")) as unknown] as const), ...blocks];
}

test("the published schema is that of the code: npm run docs:schema", () => {
  expect(JSON.parse(readFileSync(join(root, "packages/core/schema.json"), "utf8"))).toEqual(schema);
  expect(schema.$id).toBe(SCHEMA_URL);
  expect(JSON.parse(readFileSync(join(root, "packages/core/rules.schema.json"), "utf8"))).toEqual(rulesSchema);
});

/** Every file of rules in the repository. */
const RULES = readdirSync(join(root, "examples"), { recursive: true, encoding: "utf8" }).filter((path) =>
  /\.kind\.(?:yaml|yml|json)$/.test(path),
);

test.each(RULES)("examples/%s fits the schema of rules", (path) => {
  validateRules(parse(readFileSync(join(root, "examples", path), "utf8")));
  expect(validateRules.errors ?? []).toEqual([]);
});

test.each([
  ["an unknown key", { rule: [] }],
  ["a state that does not exist", { rules: [{ state: "new", code: "x" }] }],
  ["a code that is not in kebab-case", { rules: [{ state: "current", code: "At Revision" }] }],
])("rules with %s do not fit the schema of rules", (_situation, more) => {
  expect(validateRules({ name: "x", root: { group: "a.b", version: "v1", kind: "X" }, ...more })).toBe(false);
});

test("the repository has configs to check", () => {
  expect(configs().length).toBeGreaterThanOrEqual(4);
});

test.each(configs())("%s fits the schema", (_name, value) => {
  validate(value);
  expect(validate.errors ?? []).toEqual([]);
});

test.each([
  ["an unknown key", { workloads: [], wrkloads: [] }],
  ["a missing key", { workloads: [{ workload: "pod/x" }] }],
  ["a wrong type", { workloads: [{ workload: "pod/x", sync: [{ from: "a", to: "b", mirror: "yes" }] }] }],
  [
    "an unknown ignore file",
    { workloads: [{ workload: "pod/x", sync: [{ from: "a", to: "b", ignoreFiles: ["x"] }] }] },
  ],
  ["an incomplete reference to a transport", { workloads: [], transports: [["a"]] }],
  ["an unknown key of a profile", { workloads: [], profiles: { ci: { target: "x" } } }],
])("%s does not fit the schema", (_situation, value) => {
  expect(validate(value)).toBe(false);
});
