import { readdir, readFile } from "node:fs/promises";
import { join, sep } from "node:path";
import { packageName, type PluginSpec } from "./spec.ts";

const PACKAGE = join(import.meta.dirname, "..");

/** Names in a template that npm would read: it would leave files out of the package, or take the template for one. */
const PLAIN_NAMES: Readonly<Record<string, string>> = { _gitignore: ".gitignore", "_package.json": "package.json" };

/** What a module cannot call a function: the reserved words of ECMAScript, and what the templates import. */
const TAKEN: ReadonlySet<string> = new Set(
  [
    "arguments await break case catch class const continue debugger default delete do else enum eval export extends false finally for",
    "function if implements import in instanceof interface let new null package private protected public return static super switch this",
    "throw true try typeof undefined var void while with yield join mkdtemp posix rm test tmpdir",
  ].flatMap((words) => words.split(" ")),
);

/** A file of a generated plugin. */
export interface GeneratedFile {
  /** POSIX path below the plugin's folder. */
  readonly path: string;
  readonly text: string;
}

/**
 * The files of a plugin: those of its template, in which `__NAME__` stands for a value. Kinds have the cases of `templates/fixtures`,
 * whichever form they have.
 */
export async function filesOf(spec: PluginSpec): Promise<readonly GeneratedFile[]> {
  const values = { ...(await versions()), ...valuesOf(spec) };
  const template = await readTemplate(spec.type);
  const fixtures = spec.type === "transport" ? [] : await readTemplate("fixtures");
  const all = [...template, ...fixtures.map(({ path, text }) => ({ path: `fixtures/${path}`, text }))];
  return all
    .map(({ path, text }) => ({
      path: fill(PLAIN_NAMES[path] ?? path, values),
      text: fill(text, values),
    }))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

async function readTemplate(name: string): Promise<readonly GeneratedFile[]> {
  const root = join(PACKAGE, "templates", name);
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return await Promise.all(
    paths.map(async (path) => ({
      path: path
        .slice(root.length + 1)
        .split(sep)
        .join("/"),
      text: await readFile(path, "utf8"),
    })),
  );
}

function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(/__(\w+?)__/g, (whole, name: string) => values[name] ?? whole);
}

function valuesOf(spec: PluginSpec): Readonly<Record<string, string>> {
  const common = { PACKAGE: packageName(spec) };
  if (spec.type === "transport") {
    const { name } = spec;
    const camel = name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
    return {
      ...common,
      name,
      factory: factoryOf(camel),
      PascalName: `${camel.charAt(0).toUpperCase()}${camel.slice(1)}`,
      UPPER_NAME: name.replaceAll("-", "_").toUpperCase(),
    };
  }
  const { kind, group, version, plural } = spec;
  const lower = kind.toLowerCase();
  return { ...common, Kind: kind, kind: lower, factory: factoryOf(lower), plural, group, version };
}

/** Name of the function that makes the plugin: one that JavaScript reserves, or the template uses, gets a suffix. */
function factoryOf(name: string): string {
  return TAKEN.has(name) ? `${name}Plugin` : name;
}

/** Ranges of the packages that a plugin is built with: those that this package was released with. */
async function versions(): Promise<Readonly<Record<"CORE" | "KINSYNC", string>>> {
  const manifest = JSON.parse(await readFile(join(PACKAGE, "package.json"), "utf8")) as {
    readonly devDependencies: Readonly<Record<"@kinsync/core" | "kinsync", string>>;
  };
  const { devDependencies } = manifest;
  return { CORE: `^${devDependencies["@kinsync/core"]}`, KINSYNC: `^${devDependencies.kinsync}` };
}
