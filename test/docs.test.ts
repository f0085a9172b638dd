import { execFileSync } from "node:child_process";
import { globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import type { PolicyRule } from "@kinsync/core/contract";
import { builtInPlugins } from "../packages/cli/src/setup/built-in.ts";
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

interface YamlObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: { readonly name?: string };
  readonly rules?: readonly PolicyRule[];
}

/** Kubernetes objects in the YAML blocks of a page. */
function yamlObjects(page: string): readonly YamlObject[] {
  const blocks = [...text(page).matchAll(/^( *)```yaml\n([\s\S]*?)^ *```/gm)];
  return blocks
    .flatMap(([, indent = "", yaml = ""]) => parseAllDocuments(yaml.replaceAll(new RegExp(`^${indent}`, "gm"), "")))
    .map((document) => {
      expect(document.errors, page).toEqual([]);
      return document.toJS() as YamlObject;
    })
    .filter(({ apiVersion }) => apiVersion !== undefined);
}

/** What rules allow, one line for each verb. */
function granted(rules: readonly PolicyRule[]): readonly string[] {
  const lines = rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) => resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}.${group}`))),
  );
  return [...new Set(lines)].toSorted();
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

test("each event's row names the fields that its type has", () => {
  const source = text("packages/core/src/engine/events.ts");
  const page = text("docs/reference/events.md");
  const common = new Set(["event", "pod", "uid", "container", "role", "index"]);
  const types = [
    ...source.matchAll(/^export interface \w+ extends \w+ \{\n((?: {2}readonly event: "(\w+)";\n)[\s\S]*?)^\}/gm),
  ].map(([, fields = "", name = ""]) => ({ name, fields }));
  const missing = types.flatMap(({ name, fields }) => {
    const [row = ""] = new RegExp(`^\\| \`${name}\` .*$`, "m").exec(page) ?? [];
    const named = [...fields.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, field = ""]) => field);
    return named
      .filter((field) => !common.has(field) && !row.includes(`\`${field}\``))
      .map((each) => `${name}.${each}`);
  });
  expect(types.length).toBeGreaterThan(10);
  expect(missing).toEqual([]);
});

test("no example needs `using`, which the oldest Node does not know", () => {
  for (const page of pages.filter((each) => each !== "CONTRIBUTING.md")) {
    for (const [, example = ""] of text(page).matchAll(/^```ts\n([\s\S]*?)^```/gm)) {
      expect(example, page).not.toMatch(/^\s*(?:await )?using /m);
    }
  }
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

test("the Role of the first steps allows what the kinds that it names read and the transport needs, and nothing else", async () => {
  const [role] = yamlObjects("docs/guides/first-steps.md").filter(({ kind }) => kind === "Role");
  const root = { metadata: { name: "a", namespace: "b", uid: "c" }, spec: { selector: { matchLabels: { app: "a" } } } };
  const read = ["get", "list", "watch"];
  const named = new Set(["", "apps", "batch", "jobset.x-k8s.io"]);
  const plugins = await Promise.all(
    builtInPlugins()
      .filter((plugin) => !("root" in plugin) || named.has(plugin.root.group))
      .map(async (plugin) => (plugin.type === "lazy-kind" ? await plugin.load() : plugin)),
  );
  const rules = plugins.flatMap((plugin): readonly PolicyRule[] => {
    // The guide uses `exec`; a transport that is loaded on demand has a guide of its own.
    if (plugin.type === "lazy-transport") return [];
    if (!("root" in plugin)) return plugin.permissions ?? [];
    const watched = plugin.watches(root as never).watches.map(({ resource }) => resource);
    return [plugin.root, ...watched].map(({ group, plural }) => ({
      apiGroups: [group],
      resources: [plural],
      verbs: read,
    }));
  });
  rules.push({ apiGroups: [""], resources: ["pods"], verbs: read });
  expect(granted(role?.rules ?? [])).toEqual(granted(rules));
});

test.each(pages)("every object of Kubernetes in %s has a name", (page) => {
  for (const { kind, metadata } of yamlObjects(page)) expect(metadata?.name, kind).toMatch(/./);
});

test("the README starts with the two commands that the package has", () => {
  const scripts = (JSON.parse(text("package.json")) as { scripts: Record<string, string> }).scripts;
  expect(text("README.md")).toMatch(/npm ci && npm run demo[\s\S]*npm ci && npm test/);
  expect(scripts).toHaveProperty("demo");
  expect(scripts).toHaveProperty("test");
  expect(text(".ci/run")).toMatch(/step npm ci[\s\S]*step npm test/);
});

test("messages name pages by their address: packages do not contain them", () => {
  const sources = globSync("packages/*/src/**/*.ts", { cwd: root });
  expect(sources.length).toBeGreaterThan(100);
  const named = sources.flatMap((file) =>
    text(file)
      .split("\n")
      .filter((line) => !/^\s*(?:\*|\/\/|\/\*)/.test(line) && /(?<!https:\S*)\bdocs\/\w+/.test(line))
      .map((line) => `${file}: ${line.trim()}`),
  );
  expect(named).toEqual([]);
});
