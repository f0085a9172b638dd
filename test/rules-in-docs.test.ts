import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { parseConfigText } from "../packages/core/src/document/parse.ts";
import { compileRules } from "../packages/core/src/rules/compile-rules.ts";

const DOCS = resolve(import.meta.dirname, "../docs");

/** Blocks of pages that are whole files of rules. */
const BLOCKS = readdirSync(DOCS, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".md"))
  .flatMap((path) =>
    [...readFileSync(join(DOCS, path), "utf8").matchAll(/^```yaml\n([\s\S]*?)^```/gm)].flatMap(([, block = ""]) =>
      /^name:/m.test(block) && /^root:/m.test(block) ? [[path, block] as const] : [],
    ),
  );

test("pages have rules to compile", () => {
  expect(new Set(BLOCKS.map(([path]) => path))).toEqual(new Set(["guides/write-a-kind.md", "reference/rules.md"]));
});

test.each(BLOCKS)("the rules in %s compile", (path, block) => {
  const kind = compileRules({ file: path, ...parseConfigText(block, path, "yaml") });
  expect(kind.type).toBe("kind");
});

test("the page of rules has every key of a file, and every name that an expression can read", () => {
  const page = readFileSync(join(DOCS, "reference/rules.md"), "utf8");
  const schema = JSON.parse(
    readFileSync(resolve(import.meta.dirname, "../packages/core/rules.schema.json"), "utf8"),
  ) as { readonly properties: object };
  const names = [
    "owned",
    "referred",
    "missing",
    "pod",
    "labels",
    "annotations",
    "owners",
    "by",
    "pods",
    "child",
    "verdict",
  ];
  const keys = Object.keys(schema.properties).filter((key) => key !== "$schema");
  expect([...keys, ...names].filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});
