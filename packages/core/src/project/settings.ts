import { basename, relative, resolve } from "node:path";
import type { KinsyncConfig, RulesEntry } from "../contract/config.ts";
import type { KindPlugin } from "../contract/kind.ts";
import { checkConfig } from "../config/check.ts";
import type { CheckedConfig } from "../config/checked-config.ts";
import { PACKAGE_FILE, refuseForeignFile, rulesBeside, searchFolders } from "../config/places.ts";
import { loadConfig, type LoadedConfig } from "../config/load.ts";
import type { ConfigOrigin } from "../config/resolve.ts";
import { isKinsyncError, KinsyncError } from "../errors/error.ts";
import type { LoadedPlugin, LoadedPlugins } from "../plugins/load.ts";
import type { KindEntry, TransportEntry } from "../plugins/host.ts";
import type { PluginRegistry } from "../plugins/registry.ts";
import { rulesOf } from "../plugins/rules-entry.ts";
import type { OpenProjectOptions, Plugin } from "./options.ts";

/** A checked config and what its paths are relative to. */
export interface Settings {
  /** Name of the config file for messages; `undefined` without one. */
  readonly file: string | undefined;
  /** Absolute path of the config file; `undefined` without one. */
  readonly path: string | undefined;
  /** Absolute paths of the files that the config was read from. */
  readonly files: readonly string[];
  readonly config: KinsyncConfig;
  readonly origin: ConfigOrigin;
  /** What a person should know about files that are not used as config. */
  readonly notes: readonly string[];
  /** Loads the plugins of the config once, and adds those that were handed in. */
  readonly registry: () => Promise<PluginRegistry>;
  /** Absolute paths of the files of rules: those that the config names, and those beside it that exist now. */
  readonly rulesFiles: () => Promise<readonly string[]>;
  /** Reads and compiles the rules of the config and beside it, again with each call. */
  readonly loadRules: () => Promise<readonly LoadedPlugin<KindPlugin>[]>;
  /** Starts the watchdog of the plugins, if the caller wants one and none runs. */
  readonly watch: () => Promise<void>;
  /** Stops the watchdog of the plugins. */
  readonly close: () => void;
}

const NO_PLUGINS: LoadedPlugins = { kinds: [], transports: [] };

function noConfig({ cwd }: OpenProjectOptions): CheckedConfig {
  return {
    config: { workloads: [] },
    origin: { folder: cwd, placeOf: () => "the command line", describe: (path) => path.join(".") },
  };
}

/**
 * Reads and checks the config: the inline one, the named file, or the nearest file. Without any it has no workloads.
 * @param edition see `LoadConfigOptions.edition`
 */
export async function readSettings(
  options: OpenProjectOptions,
  signal: AbortSignal,
  edition?: number,
): Promise<Settings> {
  const notes: string[] = [];
  const loaded = await load(options, signal, { edition, notes });
  const { env, profiles = [] } = options;
  if (loaded === undefined && profiles.length > 0) throw await noProfiles(options, profiles);
  const { config, origin } = loaded === undefined ? noConfig(options) : await checkConfig(loaded, { env, profiles });
  let registry: Promise<PluginRegistry> | undefined;
  let watchdog: Disposable | undefined;
  const { onPluginBlocked: onBlocked } = options;
  const isFile = loaded !== undefined && options.inline === undefined;
  async function watch(): Promise<void> {
    if (onBlocked === undefined || watchdog !== undefined) return;
    const { startWatchdog } = await import("../plugins/watchdog.ts");
    watchdog ??= startWatchdog({ onBlocked });
  }
  /** With the rules beside the config. */
  async function withFoundRules(): Promise<KinsyncConfig> {
    const found = isFile ? await findRules(loaded, config) : [];
    return { ...config, kinds: [...(config.kinds ?? []), ...found] };
  }
  async function loadOnce(): Promise<PluginRegistry> {
    const all = await withFoundRules();
    if ((all.kinds ?? []).length + (all.transports ?? []).length > 0) await watch();
    return await loadRegistry(options, loaded, all, signal);
  }
  return {
    file: loaded?.file,
    path: options.inline === undefined ? loaded?.path : undefined,
    files: loaded?.files ?? [],
    config,
    origin,
    notes,
    registry: () => (registry ??= loadOnce()),
    rulesFiles: async () => (isFile ? await rulesFilesOf(loaded, config) : []),
    loadRules: async () => {
      if (loaded === undefined) return [];
      const { loadRulesOf } = await import("../plugins/load.ts");
      return await loadRulesOf(await withFoundRules(), loaded);
    },
    watch,
    close: () => watchdog?.[Symbol.dispose](),
  };
}

function namedRules({ folder }: LoadedConfig, { kinds = [] }: KinsyncConfig): readonly string[] {
  return kinds.flatMap((kind) => {
    const rules = rulesOf(kind);
    return typeof rules === "string" ? resolve(folder, rules) : [];
  });
}

async function rulesFilesOf(loaded: LoadedConfig, config: KinsyncConfig): Promise<readonly string[]> {
  return [...new Set([...namedRules(loaded, config), ...(await rulesBeside(loaded.folder))])];
}

/** Files of rules beside the config that the config does not name. Another user's are refused, as a config would be. */
async function findRules(loaded: LoadedConfig, config: KinsyncConfig): Promise<readonly RulesEntry[]> {
  const { folder, file } = loaded;
  const named = new Set(namedRules(loaded, config));
  const paths = (await rulesBeside(folder)).filter((path) => !named.has(path));
  for (const path of paths) {
    const shown = `${relative(folder, path)} beside ${file}`;
    await refuseForeignFile(path, shown, { uid: process.getuid?.(), isData: true });
  }
  return paths.map((path) => ({ rules: path }));
}

async function noProfiles({ cwd, env }: OpenProjectOptions, profiles: readonly string[]): Promise<KinsyncError> {
  const folders = await searchFolders(cwd, homeOf(env));
  return new KinsyncError(
    "KINSYNC_USAGE",
    `There is no config file in ${folders.join(", ")}, so there is no profile ${profiles.join(", ")}`,
    { hint: "Name the config file with --config FILE, or leave --profile out.", details: { folders, profiles } },
  );
}

async function load(
  options: OpenProjectOptions,
  signal: AbortSignal,
  { edition, notes }: { readonly edition: number | undefined; readonly notes: string[] },
): Promise<LoadedConfig | undefined> {
  const { cwd, env, inline, config, program } = options;
  if (inline !== undefined) {
    return {
      path: cwd,
      folder: cwd,
      file: "the inline config",
      value: inline,
      files: [],
      isData: false,
      locate: () => undefined,
    };
  }
  const home = homeOf(env);
  const loading = loadConfig({
    cwd,
    signal,
    onNote: (note) => notes.push(note),
    ...(config === undefined ? {} : { file: config }),
    ...(home === undefined ? {} : { home }),
    ...(program === undefined ? {} : { program }),
    ...(edition === undefined ? {} : { edition }),
  });
  if (!needsNoConfig(options)) return await loading;
  try {
    return await loading;
  } catch (error) {
    if (!isKinsyncError(error) || !isOfOthers(error)) throw error;
    notes.push(`${error.message}; it is not used, since the command line names everything`);
    return undefined;
  }
}

/** The command line says which workload is read, or what is written where. A config could only add to it. */
function needsNoConfig({ config, flags = {}, profiles = [], access = "write" }: OpenProjectOptions): boolean {
  const { workloads = [], sync = [] } = flags;
  const isComplete = access === "read" || (access !== "check" && sync.length > 0);
  return config === undefined && profiles.length === 0 && workloads.length > 0 && isComplete;
}

/** A file that the user cannot be expected to fix for the sake of this run: another user's, or a broken package.json. */
function isOfOthers({ code, details }: KinsyncError): boolean {
  const { file } = details;
  const isPackage = typeof file === "string" && basename(file) === PACKAGE_FILE;
  return code === "KINSYNC_CONFIG_FOREIGN" || (code === "KINSYNC_CONFIG_PARSE" && isPackage);
}

/** The user's home folder as the environment names it. */
export function homeOf(env: OpenProjectOptions["env"]): string | undefined {
  return env["HOME"] ?? env["USERPROFILE"];
}

async function loadRegistry(
  options: OpenProjectOptions,
  loaded: LoadedConfig | undefined,
  config: KinsyncConfig,
  signal: AbortSignal,
): Promise<PluginRegistry> {
  const { loadPlugins } = await import("../plugins/load.ts");
  const { createRegistry } = await import("../plugins/registry.ts");
  const { conditions, program } = options;
  const configured =
    loaded === undefined
      ? NO_PLUGINS
      : await loadPlugins(config, {
          folder: loaded.folder,
          file: loaded.file,
          locate: loaded.locate,
          signal,
          ...(conditions === undefined ? {} : { conditions }),
          ...(program === undefined ? {} : { program }),
        });
  const plugins = typeof options.plugins === "function" ? await options.plugins() : (options.plugins ?? []);
  return createRegistry({
    builtIn: { kinds: plugins.filter(isKind), transports: plugins.filter(isTransport) },
    configured,
  });
}

function isKind(plugin: Plugin): plugin is KindEntry {
  return plugin.type === "kind" || plugin.type === "lazy-kind";
}

/** What is neither is checked, and named, as a transport. */
function isTransport(plugin: Plugin): plugin is TransportEntry {
  return !isKind(plugin);
}
