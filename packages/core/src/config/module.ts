import { execFile } from "node:child_process";
import { realpath } from "node:fs/promises";
import { basename, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { KinsyncError } from "../errors/error.ts";
import { loadModule } from "../plugins/load-module.ts";
import type { ModuleExports } from "../plugins/module-exports.ts";

/** What a place in a stack or in an error's first line looks like: `/a/b.ts:3` or `file:///a/b.mjs:3:7`. */
const PLACE = /((?:file:\/\/)?(?:\/|[A-Za-z]:[\\/])[^\n:()]*?\.[cm]?[jt]s):(\d+)(?::(\d+))?/;

const JITI_SYNTAX = "ParseError: ";

export interface ConfigModule {
  readonly path: string;
  /** The path as messages name it. */
  readonly file: string;
  /** Folder that messages name other files relative to. */
  readonly cwd: string;
  /** See `LoadConfigOptions.program`. */
  readonly program: string | undefined;
  /** See `LoadConfigOptions.edition`. */
  readonly edition: number | undefined;
  readonly signal: AbortSignal;
}

/** What a config module exports, and the files that it consists of. */
export interface ImportedConfig {
  readonly value: unknown;
  readonly files: readonly string[];
}

/**
 * Imports a config written in TypeScript or JavaScript and returns its default export. Node strips the types, so that only erasable
 * TypeScript runs, except where package.json has `"type": "commonjs"`.
 */
export async function importConfigModule(config: ConfigModule): Promise<ImportedConfig> {
  const { path, file } = config;
  const files = new Set([path]);
  let module: ModuleExports;
  try {
    module = await loadModule(await realpath(path), config.program, { edition: config.edition ?? 0, files });
  } catch (error) {
    throw await translate(error, config);
  }
  if (!("default" in module)) {
    throw new KinsyncError("KINSYNC_CONFIG_PARSE", `${file} has no default export`, {
      hint: "End it with: export default defineConfig({ … })",
      details: { file },
    });
  }
  return { value: module["default"], files: [...files] };
}

async function translate(error: unknown, config: ConfigModule): Promise<KinsyncError> {
  const { file } = config;
  const message = (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const place = placeOf(error, config) ?? (await placeOfSyntaxError(error, config)) ?? file;
  const options = { cause: error, details: { file } };
  if (code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX") {
    return new KinsyncError(
      "KINSYNC_CONFIG_PARSE",
      `${place} cannot be run: ${message.replace(/ in strip-only mode$/, "")}`,
      {
        ...options,
        hint: "Only erasable TypeScript runs in a config: types, interfaces, `import type`; no enum, namespace or parameter property.",
      },
    );
  }
  const missing = /^Cannot find (?:package|module) '([^']+)'/.exec(message)?.[1];
  if ((code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND") && missing !== undefined) {
    // `require` calls both a module, and names the importing files in further lines.
    const isPackage = message.startsWith("Cannot find package") || !/^(?:[./\\]|[A-Za-z]:)/.test(missing);
    const name = isPackage ? packageName(missing) : basename(missing);
    const from = / imported from (.+)$/.exec(message)?.[1] ?? requiredBy(error);
    const importer = from === undefined ? file : shown(from, config);
    return new KinsyncError(
      isPackage ? "KINSYNC_PLUGIN_NOT_FOUND" : "KINSYNC_CONFIG_PARSE",
      `${importer} imports ${name}, which is not ${isPackage ? "installed beside it" : "there"}`,
      isPackage
        ? { ...options, hint: `Install it in the folder of ${file}: npm install --save-dev ${name}` }
        : { ...options, hint: "Fix the import; relative ones need their file extension." },
    );
  }
  // jiti reports a syntax error as a plain one.
  const isSyntax = error instanceof SyntaxError || message.startsWith(JITI_SYNTAX);
  const verb = isSyntax ? "cannot be parsed" : "failed when it was run";
  const reason = message.replace(JITI_SYNTAX, "").trim();
  return new KinsyncError("KINSYNC_CONFIG_PARSE", `${place} ${verb}: ${reason}`, options);
}

/** The importing file, as an error of `require` names it. */
function requiredBy(error: unknown): string | undefined {
  const stack = error instanceof Error && "requireStack" in error ? error.requireStack : undefined;
  return Array.isArray(stack) && typeof stack[0] === "string" ? stack[0] : undefined;
}

/** Where an error came up, if its stack says so and it was not inside Node. */
function placeOf(error: unknown, config: ConfigModule): string | undefined {
  if (!(error instanceof Error) || error.stack === undefined) return undefined;
  const match = PLACE.exec(error.stack);
  return match?.[1] === undefined
    ? undefined
    : `${shown(match[1], config)}:${match[2]}${match[3] === undefined ? "" : `:${match[3]}`}`;
}

/** The loader keeps the line of a plain JavaScript syntax error to itself; `node --check` tells it. */
function placeOfSyntaxError(error: unknown, config: ConfigModule): Promise<string | undefined> {
  if (!(error instanceof SyntaxError)) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ["--check", config.path],
      { signal: config.signal, timeout: 5_000 },
      (_error, _stdout, stderr) => {
        const match = PLACE.exec(stderr);
        resolve(match?.[1] === undefined ? undefined : `${shown(match[1], config)}:${match[2]}`);
      },
    );
  });
}

/** A path as messages name it: the config file by its own name, others relative to nothing but the end of their path. */
function shown(found: string, { path, file, cwd }: ConfigModule): string {
  const plain = found.startsWith("file:") ? fileURLToPath(found) : found;
  if (basename(plain) === basename(path)) return file;
  const short = relative(cwd, plain);
  return short.startsWith("..") ? plain : short;
}

function packageName(specifier: string): string {
  const [first = specifier, second] = specifier.split("/");
  return first.startsWith("@") && second !== undefined ? `${first}/${second}` : first;
}
