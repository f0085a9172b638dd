import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { errorsPage } from "../scripts/docs-errors.ts";

const root = resolve(import.meta.dirname, "..");
const packagePages = readdirSync(join(root, "packages")).map((name) => join("packages", name, "README.md"));
const pages = [
  "README.md",
  "ARCHITECTURE.md",
  "CONTRIBUTING.md",
  "bench/README.md",
  ...markdownIn("docs"),
  ...packagePages,
];

function markdownIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(folder, name));
}

function text(page: string): string {
  return readFileSync(join(root, page), "utf8");
}

test("the page of errors says what the table says", () => {
  expect(text("docs/reference/errors.md")).toBe(errorsPage());
});

test("the page of events names every event and every field, and no other event", () => {
  const source = text("packages/core/src/engine/events.ts");
  const page = text("docs/reference/events.md");
  const events = new Set([...source.matchAll(/readonly event: "(\w+)"/g)].map((match) => match[1]));
  const named = new Set([...page.matchAll(/^\| `(\w+)` /gm)].map((match) => match[1]));
  expect(named).toEqual(events);
  const fields = new Set([...source.matchAll(/^ {2}readonly (\w+)\??:/gm)].map((match) => match[1]));
  for (const field of fields) expect(page, `the field ${field}`).toContain(`\`${field}\``);
});

test.each(["README.md", "docs/guides/use-as-a-library.md"])(
  "the first example in TypeScript of %s is the program that runs against the packed packages, in at most 10 lines",
  (page) => {
    const [, example] = /^```ts\n([\s\S]*?)^```/m.exec(text(page)) ?? [];
    const [, program] = /^\/\/ The example:\n([\s\S]*?)^\/\/ \(the end/m.exec(text("test/consumer-sync.ts")) ?? [];
    expect(example).toBe(program);
    expect(example?.split("\n").filter((line) => line !== "").length).toBeLessThanOrEqual(10);
  },
);

test("the README fits two screens of 50 lines", () => {
  expect(text("README.md").trimEnd().split("\n").length).toBeLessThanOrEqual(100);
});

test("every example in TypeScript compiles against the packages", () => {
  const folder = mkdtempSync(join(root, "node_modules", ".docs-"));
  try {
    mkdirSync(join(folder, "src"));
    const files: string[] = [];
    for (const page of pages) {
      for (const [index, match] of [...text(page).matchAll(/^```ts\n([\s\S]*?)^```/gm)].entries()) {
        const name = `${page.replaceAll(/[/.]/g, "-")}-${index}.ts`;
        writeFileSync(join(folder, "src", name), `${match[1]}\nexport {};\n`);
        files.push(name);
      }
    }
    expect(files.length).toBeGreaterThan(5);
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({
        extends: "../../tsconfig.base.json",
        compilerOptions: {
          noEmit: true,
          composite: false,
          declaration: false,
          declarationMap: false,
          customConditions: ["kinsync:source"],
          allowImportingTsExtensions: true,
          rewriteRelativeImportExtensions: false,
        },
        include: ["src"],
      }),
    );
    execFileSync(join(root, "node_modules", ".bin", "tsc"), ["-p", folder], { encoding: "utf8", stdio: "pipe" });
  } catch (error) {
    throw new Error((error as { stdout?: string }).stdout ?? String(error), { cause: error });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("every link between pages leads somewhere", () => {
  for (const page of pages) {
    for (const match of text(page).matchAll(/\]\((?!https?:|#)([^)#]+)(#[^)]*)?\)/g)) {
      const target = resolve(root, page, "..", match[1] ?? "");
      expect(() => readdirSync(resolve(target, "..")), `${page} links to ${match[1]}`).not.toThrow();
      const name = target.split("/").at(-1) ?? "";
      expect(readdirSync(resolve(target, "..")), `${page} links to ${match[1]}`).toContain(name);
    }
  }
});

test("the README starts with the two commands that the package has", () => {
  const scripts = (JSON.parse(text("package.json")) as { scripts: Record<string, string> }).scripts;
  expect(text("README.md")).toMatch(/npm ci && npm run demo[\s\S]*npm ci && npm test/);
  expect(scripts).toHaveProperty("demo");
  expect(scripts).toHaveProperty("test");
  expect(text(".ci/run")).toMatch(/step npm ci[\s\S]*step npm test/);
});
