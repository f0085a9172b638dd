import { stat } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, extname, isAbsolute, join, relative, resolve } from "node:path";
import type { Loader } from "cosmiconfig";
import { isKinsyncError, KinsyncError } from "../errors/error.ts";
import type { ConfigPath, Position } from "./parse.ts";
import { checkNodeVersion } from "./node-version.ts";
import { CONFIG_FILES, exists, refuseForeignFile, searchFolders } from "./places.ts";

export interface LoadConfigOptions {
  /** Where to begin to look. */
  readonly cwd: string;
  /** A config file by path, relative to `cwd`; then nothing is searched. */
  readonly file?: string;
  /** The search goes no further up than here. Default: the user's home folder. */
  readonly home?: string;
  /** Whose files may be run besides root's. Default: the present user's; everybody's where the system has no uid. */
  readonly uid?: number;
  readonly signal: AbortSignal;
}

/** A config as it was written: not yet checked. */
export interface LoadedConfig {
  /** Absolute path of the file. */
  readonly path: string;
  /** Folder of the file: what `from` and plugin names are relative to. */
  readonly folder: string;
  /** Path for messages: relative to `cwd` where it is below, absolute elsewhere. */
  readonly file: string;
  readonly value: unknown;
  /** Where in the text a key or a value stands; `undefined` in TS and JS. */
  readonly locate: (path: ConfigPath, part: "key" | "value") => Position | undefined;
}

/**
 * Finds and reads the config: `kinsync.config.{ts,mts,js,mjs,json,yaml,yml}`, `.kinsyncrc` (YAML or JSON) with or without
 * these extensions, or `"kinsync"` in package.json; from `cwd` up to the folder with `.git` or the home folder.
 * `undefined` where there is none. Checks who owns the file before it is read.
 *
 * Throws `KINSYNC_CONFIG_NOT_FOUND` (a named file), `KINSYNC_CONFIG_FOREIGN`, `KINSYNC_CONFIG_PARSE`,
 * `KINSYNC_CONFIG_CONFLICT` (two config files in one folder), `KINSYNC_PLUGIN_NOT_FOUND` (an import in a TS or JS config).
 */
export async function loadConfig(options: LoadConfigOptions): Promise<LoadedConfig | undefined> {
  if (options.file !== undefined) {
    const path = resolve(options.cwd, options.file);
    if (!(await exists(path))) {
      throw new KinsyncError("KINSYNC_CONFIG_NOT_FOUND", `There is no config file ${options.file}`, {
        details: { file: options.file },
      });
    }
    const loaded = await readConfig(path, options);
    if (loaded !== undefined) return loaded;
    throw new KinsyncError("KINSYNC_CONFIG_NOT_FOUND", `${options.file} has no key "kinsync"`, {
      hint: 'Add "kinsync": { "workloads": [ … ] } to it.',
      details: { file: options.file },
    });
  }
  for (const folder of await searchFolders(options.cwd, options.home ?? homedir())) {
    const found: LoadedConfig[] = [];
    for (const name of CONFIG_FILES) {
      const path = join(folder, name);
      if (!(await exists(path))) continue;
      const [first] = found;
      if (first !== undefined && name !== "package.json") throw twoFiles(first.file, shownPath(path, options.cwd));
      const loaded = await readConfig(path, options);
      if (loaded === undefined) continue;
      if (first !== undefined) throw twoFiles(first.file, loaded.file);
      found.push(loaded);
    }
    if (found[0] !== undefined) return found[0];
  }
  return undefined;
}

function twoFiles(first: string, second: string): KinsyncError {
  return new KinsyncError("KINSYNC_CONFIG_CONFLICT", `Two config files are beside each other: ${first} and ${second}`, {
    hint: "Keep one of them, or choose with --config FILE.",
    details: { files: [first, second] },
  });
}

/** `undefined` for a package.json without a `kinsync` key. */
async function readConfig(path: string, options: LoadConfigOptions): Promise<LoadedConfig | undefined> {
  const file = shownPath(path, options.cwd);
  const uid = options.uid ?? process.getuid?.();
  // Only where there is a file to read: most runs without one should not pay for them.
  const [{ cosmiconfig }, { importConfigModule }, { parseConfigText }] = await Promise.all([
    import("cosmiconfig"),
    import("./module.ts"),
    import("./parse.ts"),
  ]);
  let locate: LoadedConfig["locate"] = () => undefined;
  const isPackage = basename(path) === "package.json";

  function textLoader(format: "json" | "yaml"): Loader {
    return (_path: string, text: string) => {
      const parsed = parseConfigText(text, file, format);
      locate = isPackage ? (at, part) => parsed.locate(["kinsync", ...at], part) : parsed.locate;
      return withoutImports(parsed.value, file);
    };
  }
  const moduleLoader: Loader = async () => {
    checkNodeVersion(process.versions.node, file);
    return withoutImports(await importConfigModule(path, file, options.signal), file);
  };
  const json = textLoader("json");
  const yaml = textLoader("yaml");

  try {
    await refuseFolder(path, file);
    if (!isPackage) await refuseForeignFile(path, file, uid);
    await refuseForeignMetaConfig(uid);
    const explorer = cosmiconfig("kinsync", {
      cache: false,
      searchPlaces: ["package.json"],
      loaders: {
        ".ts": moduleLoader,
        ".mts": moduleLoader,
        ".js": moduleLoader,
        ".mjs": moduleLoader,
        ".json": json,
        ".yaml": yaml,
        ".yml": yaml,
        noExt: yaml,
        default: unknownExtension(file),
      },
    });
    const result = await explorer.load(path);
    if (result === null) return undefined;
    if (isPackage) await refuseForeignFile(path, file, uid);
    const value: unknown = result.isEmpty === true ? {} : result.config;
    if (isPackage && value === undefined) return undefined;
    return { path, folder: dirname(path), file, value: value ?? {}, locate };
  } catch (error) {
    if (isKinsyncError(error)) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new KinsyncError("KINSYNC_CONFIG_PARSE", `${file} cannot be read: ${message}`, {
      cause: error,
      details: { file },
    });
  }
}

async function refuseFolder(path: string, file: string): Promise<void> {
  if (!(await stat(path)).isDirectory()) return;
  throw new KinsyncError("KINSYNC_CONFIG_PARSE", `${file} cannot be read: it is a folder`, {
    hint: `Name a file, such as ${join(file, "kinsync.yaml")}.`,
    details: { file },
  });
}

/** cosmiconfig merges files named by `$import`, from anywhere and past our checks; kinsync has no such key. */
function withoutImports(value: unknown, file: string): unknown {
  if (typeof value === "object" && value !== null && Object.hasOwn(value, "$import")) {
    throw new KinsyncError("KINSYNC_CONFIG_INVALID", `${file}: the key "$import" is not known`, {
      hint: "Write one file, or import from a kinsync.config.ts.",
      details: { file },
    });
  }
  return value;
}

function unknownExtension(file: string): Loader {
  return () => {
    throw new KinsyncError("KINSYNC_CONFIG_PARSE", `${file}: the ending ${extname(file)} is none of a config`, {
      hint: "Use .ts, .mts, .js, .mjs, .json, .yaml or .yml.",
      details: { file },
    });
  };
}

/** cosmiconfig runs a configuration of its own from the working directory (`.config/config.*`) whenever it is made. */
async function refuseForeignMetaConfig(uid: number | undefined): Promise<void> {
  for (const extension of ["json", "yaml", "yml", "js", "ts", "cjs", "mjs"]) {
    const path = join(process.cwd(), ".config", `config.${extension}`);
    if (await exists(path)) await refuseForeignFile(path, path, uid);
  }
}

function shownPath(path: string, cwd: string): string {
  const short = relative(cwd, path);
  return short.startsWith("..") || isAbsolute(short) ? path : short;
}
