import { readFile } from "node:fs/promises";
import { createRequire, findPackageJSON } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { KinsyncConfig, PluginReference, RulesEntry } from "../contract/config.ts";
import type { KindPlugin } from "../contract/kind.ts";
import type { TransportPlugin } from "../contract/transport.ts";
import { isKinsyncError, KinsyncError } from "../errors/error.ts";
import type { ParsedText } from "../document/parse.ts";
import { checkKind, checkTransport } from "./shape.ts";
import { watchCall, watchImport } from "./call-watch.ts";
import { loadModule } from "./load-module.ts";
import type { ModuleExports } from "./module-exports.ts";

/** A plugin and its origin for messages: `@acme/kinsync-kind-fleet (kinds[0] in kinsync.config.yaml)`. */
export interface LoadedPlugin<Plugin> {
  readonly plugin: Plugin;
  readonly origin: string;
  /** Text of the rules that it was compiled from; absent for code. */
  readonly rules?: string;
}

export interface LoadedPlugins {
  readonly kinds: readonly LoadedPlugin<KindPlugin>[];
  readonly transports: readonly LoadedPlugin<TransportPlugin>[];
}

export interface LoadPluginsOptions {
  /** Folder of the config file. Packages are resolved from there, never from kinsync's own folder. */
  readonly folder: string;
  /** Name of the config file, for messages. */
  readonly file: string;
  /** Milliseconds for the import of one package. Default: 10,000. */
  readonly timeout?: number;
  /** Export conditions besides `node` and `import`: `--conditions` of the process. Default: none. */
  readonly conditions?: readonly string[];
  /**
   * File URL of a module of the running program. A plugin that imports a package of kinsync, which its project lacks, gets the one that
   * this module would get. Default: `@kinsync/core` only.
   */
  readonly program?: string;
  /** Positions in the config, for rules that it contains. Default: messages name paths only. */
  readonly locate?: ParsedText["locate"];
  readonly signal: AbortSignal;
}

/**
 * Loads the plugins of a config. An entry is a plugin object, or the name of a package. The default export of a package is a factory: it
 * receives the options of the entry, and returns one plugin or a list of plugins. A kind may also be rules, in a file or inline.
 *
 * @throws `KINSYNC_PLUGIN_NOT_FOUND`: the package is not installed beside the config. `KINSYNC_PLUGIN_FAILED`: its import or its factory
 * threw, or did not finish in time. `KINSYNC_PLUGIN_CONTRACT`, `KINSYNC_PLUGIN_SHAPE`: it does not return plugins of this contract.
 * `KINSYNC_PLUGIN_RULES`, `KINSYNC_CONFIG_PARSE`: rules that are not valid.
 */
export async function loadPlugins(
  config: Pick<KinsyncConfig, "kinds" | "transports">,
  options: LoadPluginsOptions,
): Promise<LoadedPlugins> {
  const kinds: LoadedPlugin<KindPlugin>[] = [];
  for (const [index, entry] of (config.kinds ?? []).entries()) {
    if (isRules(entry)) {
      kinds.push(await loadEntry(entry, index, options));
      continue;
    }
    const { values, origin } = await produce(entry, `kinds[${index}]`, options);
    for (const value of values) kinds.push({ plugin: checkKind(value, origin), origin });
  }
  const transports: LoadedPlugin<TransportPlugin>[] = [];
  for (const [index, entry] of (config.transports ?? []).entries()) {
    const { values, origin } = await produce(entry, `transports[${index}]`, options);
    for (const value of values) transports.push({ plugin: checkTransport(value, origin), origin });
  }
  return { kinds, transports };
}

/**
 * Loads the rules of a config alone, and none of its packages.
 * @throws as `loadPlugins`, for rules
 */
export async function loadRulesOf(
  { kinds = [] }: Pick<KinsyncConfig, "kinds">,
  options: Pick<LoadPluginsOptions, "folder" | "file" | "locate">,
): Promise<readonly LoadedPlugin<KindPlugin>[]> {
  return await Promise.all(kinds.flatMap((entry, index) => (isRules(entry) ? [loadEntry(entry, index, options)] : [])));
}

async function loadEntry(
  { rules }: RulesEntry,
  index: number,
  options: Pick<LoadPluginsOptions, "folder" | "file" | "locate">,
): Promise<LoadedPlugin<KindPlugin>> {
  const { loadRules } = await import("./load-rules.ts");
  return await loadRules(rules, ["kinds", index, "rules"], options);
}

async function produce(
  entry: KindPlugin | TransportPlugin | PluginReference,
  key: string,
  options: LoadPluginsOptions,
): Promise<{ readonly values: readonly unknown[]; readonly origin: string }> {
  const where = `${key} in ${options.file}`;
  if (typeof entry !== "string" && !isTuple(entry)) {
    const name = typeof entry.name === "string" ? entry.name : "an object";
    return { values: [entry], origin: `${name} (${where})` };
  }
  const [name, settings] = typeof entry === "string" ? [entry, undefined] : entry;
  const origin = `${name} (${where})`;
  const file = resolvePackage(name, origin, options);
  const module = await importWithin(file, origin, options);
  const factory = module["default"];
  if (typeof factory !== "function") {
    throw new KinsyncError("KINSYNC_PLUGIN_SHAPE", `${origin} cannot be used: its default export is not a function`, {
      details: { package: name, file },
    });
  }
  let made: unknown;
  try {
    made = watchCall(origin, "factory", (): unknown => (settings === undefined ? factory() : factory(settings)));
  } catch (error) {
    throw failed(origin, "its factory threw", "factory", error);
  }
  const values: readonly unknown[] = Array.isArray(made) ? made : [made];
  if (values.length === 0) {
    throw new KinsyncError("KINSYNC_PLUGIN_SHAPE", `${origin} cannot be used: its factory returned an empty list`);
  }
  return { values, origin };
}

/**
 * The file of a package, resolved from the config's folder. `require.resolve` without conditions would refuse packages that export
 * only `import`.
 */
function resolvePackage(name: string, origin: string, options: LoadPluginsOptions): string {
  const from = join(options.folder, "package.json");
  const conditions = new Set(["node", "import", "module-sync", ...(options.conditions ?? [])]);
  try {
    // @types/node has no `conditions` yet; Node supports it since version 22.
    const settings: NodeJS.RequireResolveOptions & { readonly conditions: ReadonlySet<string> } = { conditions };
    return createRequire(from).resolve(name, settings);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (code === "ERR_PACKAGE_PATH_NOT_EXPORTED" || code === "ERR_INVALID_PACKAGE_TARGET") {
      throw new KinsyncError(
        "KINSYNC_PLUGIN_SHAPE",
        `${origin} cannot be used: the package does not export this name`,
        {
          cause: error,
          details: { package: name },
        },
      );
    }
    if (code === "MODULE_NOT_FOUND" && installed(name, from)) {
      throw failed(origin, "it is installed, but the file that it exports is missing (was it built?)", "import", error);
    }
    throw new KinsyncError("KINSYNC_PLUGIN_NOT_FOUND", `${origin} is not installed beside ${options.file}`, {
      hint: `Run \`npm install --save-dev ${name}\` in ${options.folder}.`,
      cause: error,
      details: { package: name, folder: options.folder },
    });
  }
}

function installed(name: string, from: string): boolean {
  try {
    return findPackageJSON(name, from) !== undefined;
  } catch {
    return false;
  }
}

async function importWithin(file: string, origin: string, options: LoadPluginsOptions): Promise<ModuleExports> {
  const limit = options.timeout ?? 10_000;
  const timer = AbortSignal.timeout(limit);
  const signal = AbortSignal.any([options.signal, timer]);
  signal.throwIfAborted();
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const imported = watchImport(origin, () => loadModule(file, options.program));
    return await Promise.race([imported, stopped]);
  } catch (error) {
    if (options.signal.aborted) throw error;
    if (timer.aborted) {
      throw failed(
        origin,
        `its import did not finish within ${limit / 1000} s: does it await something at its top level?`,
        "import",
        error,
      );
    }
    throw await describeImportError(error, file, origin);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

async function describeImportError(error: unknown, file: string, origin: string): Promise<KinsyncError> {
  if (isKinsyncError(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  const missing = /^Cannot find package '([^']+)'/.exec(message)?.[1];
  if (missing === undefined) return failed(origin, "it threw during its import", "import", error);
  const version = await versionOf(file);
  return failed(
    origin,
    `it${version === undefined ? "" : ` (version ${version})`} needs the package ${missing}, which is not installed`,
    "import",
    error,
    `Run \`npm install --save-dev ${missing}\`.`,
  );
}

async function versionOf(file: string): Promise<string | undefined> {
  try {
    const path = findPackageJSON(pathToFileURL(file));
    if (path === undefined) return undefined;
    const { version } = JSON.parse(await readFile(path, "utf8")) as { readonly version?: unknown };
    return typeof version === "string" ? version : undefined;
  } catch {
    return undefined;
  }
}

function failed(origin: string, why: string, operation: string, cause: unknown, hint?: string): KinsyncError {
  const thrown = why.includes("threw") && cause instanceof Error ? `: ${cause.message}` : "";
  return new KinsyncError("KINSYNC_PLUGIN_FAILED", `${origin} failed: ${why}${thrown}`, {
    ...(hint === undefined ? {} : { hint }),
    cause,
    operation,
    plugin: origin,
  });
}

/** Whether an entry of `kinds` is rules. */
export function isRules(entry: KindPlugin | TransportPlugin | PluginReference | RulesEntry): entry is RulesEntry {
  return typeof entry === "object" && "rules" in entry && !("contract" in entry);
}

function isTuple(
  entry: KindPlugin | TransportPlugin | PluginReference,
): entry is readonly [name: string, options: Readonly<Record<string, unknown>>] {
  return Array.isArray(entry);
}
