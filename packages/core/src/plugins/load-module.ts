import { readFileSync } from "node:fs";
import { findPackageJSON } from "node:module";
import { pathToFileURL } from "node:url";
import { provideOwnPackages } from "./load-own-packages.ts";
import { followImports, type Edition } from "./follow-imports.ts";
import type { ModuleExports } from "./module-exports.ts";

/** What Node throws if it reads an ES module as CommonJS, since its package.json has `"type": "commonjs"` (as `npm init` writes it). */
const READ_AS_COMMONJS =
  /^(?:Cannot use import statement outside a module|Cannot use 'import\.meta' outside a module|Unexpected token 'export'|await is only valid in async functions)/;

/** The same for what an ES module (`.mts`) imports: Node gives a CommonJS module no named exports. */
const IMPORTED_AS_COMMONJS = /does not provide an export named/;

function isReadAsCommonJs(message: string, path: string): boolean {
  return READ_AS_COMMONJS.test(message) || (IMPORTED_AS_COMMONJS.test(message) && isInCommonJsPackage(path));
}

function isInCommonJsPackage(path: string): boolean {
  const file = findPackageJSON(pathToFileURL(path));
  if (file === undefined) return false;
  try {
    return (JSON.parse(readFileSync(file, "utf8")) as { readonly type?: unknown }).type === "commonjs";
  } catch {
    return false;
  }
}

/**
 * Imports a module that a user wrote: a config, or a plugin by its path. Node runs it; only an ES module that Node reads as CommonJS is
 * run by jiti, which is loaded then. Packages of kinsync that the project lacks are those of the running program.
 * @param path absolute path, without symbolic links
 * @param program see `provideOwnPackages`
 * @param edition runs the module and what it imports anew, and lists their files. Default: once in a process
 * @throws what Node or the module throws
 */
export async function loadModule(path: string, program: string | undefined, edition?: Edition): Promise<ModuleExports> {
  using _own = provideOwnPackages(program);
  const { href } = pathToFileURL(path);
  using followed = edition === undefined ? undefined : followImports(href, edition);
  try {
    return (await import(followed?.url ?? href)) as ModuleExports;
  } catch (error) {
    if (!(error instanceof SyntaxError) || !isReadAsCommonJs(error.message, path)) throw error;
    const { runByJiti } = await import("./load-by-jiti.ts");
    return await runByJiti(path);
  }
}
