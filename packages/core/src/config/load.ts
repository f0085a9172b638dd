import type { Stats } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { basename, dirname, extname, isAbsolute, join, relative, resolve } from "node:path";
import { KinsyncError, type KinsyncErrorOptions } from "../errors/error.ts";
import type { ConfigPath, Position } from "./parse.ts";
import { checkNodeVersion } from "./node-version.ts";
import { CONFIG_FILES, exists, refuseForeignFile, searchFolders } from "./places.ts";

export interface LoadConfigOptions {
  /** Folder that the search starts in. */
  readonly cwd: string;
  /** A config file by path, relative to `cwd`; then nothing is searched. */
  readonly file?: string;
  /** The user's home folder: the search goes no further up. Default: none is known. */
  readonly home?: string;
  /** Whose files may be run besides root's. Default: those of the current user; everybody's where the system has no uid. */
  readonly uid?: number;
  readonly signal: AbortSignal;
}

/** A config as it was written, not yet checked. */
export interface LoadedConfig {
  /** Absolute path of the file. */
  readonly path: string;
  /** Folder of the file: what `from` and plugin names are relative to. */
  readonly folder: string;
  /** Path for messages: relative to `cwd` where it is below, absolute elsewhere. */
  readonly file: string;
  readonly value: unknown;
  /** Position of a key or a value in the text; `undefined` in TS and JS. */
  readonly locate: (path: ConfigPath, part: "key" | "value") => Position | undefined;
}

/**
 * Finds and reads the config: `kinsync.config.{ts,mts,js,mjs,json,yaml,yml}`, `.kinsyncrc` (YAML or JSON) with or without
 * these extensions, or `"kinsync"` in package.json; from `cwd` up to the folder with `.git` or the home folder.
 * `undefined` where there is none. Checks who owns the file before it is read; no other file is read or run.
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
  for (const folder of await searchFolders(options.cwd, options.home)) {
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
  const isPackage = basename(path) === "package.json";
  await refuseIrregularFile(path, file);
  if (isPackage) {
    const { parseConfigText } = await import("./parse.ts");
    const { value, locate } = parseConfigText(await read(path, file), file, "json");
    const config = typeof value === "object" && value !== null && "kinsync" in value ? value.kinsync : undefined;
    if (config === undefined) return undefined;
    await refuseForeignFile(path, file, uidOf(options));
    return { path, folder: dirname(path), file, value: config, locate: (at, part) => locate(["kinsync", ...at], part) };
  }
  await refuseForeignFile(path, file, uidOf(options));
  const common = { path, folder: dirname(path), file };
  switch (extname(path)) {
    case ".ts":
    case ".mts":
    case ".js":
    case ".mjs": {
      checkNodeVersion(process.versions.node, file);
      const { importConfigModule } = await import("./module.ts");
      const value = await importConfigModule({ path, file, cwd: options.cwd, signal: options.signal });
      return { ...common, value, locate: () => undefined };
    }
    case ".json":
    case ".yaml":
    case ".yml":
    case "": {
      const { parseConfigText } = await import("./parse.ts");
      const format = extname(path) === ".json" ? "json" : "yaml";
      const { value, locate } = parseConfigText(await read(path, file), file, format);
      // A file of nothing but comments is an empty config, not a missing one.
      return { ...common, value: value ?? {}, locate };
    }
    default:
      throw new KinsyncError("KINSYNC_CONFIG_PARSE", `${file}: a config cannot have the ending ${extname(file)}`, {
        hint: "Use .ts, .mts, .js, .mjs, .json, .yaml or .yml.",
        details: { file },
      });
  }
}

async function read(path: string, file: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw unreadable(file, error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** A folder, a FIFO or a device is not read: it may have no end. */
async function refuseIrregularFile(path: string, file: string): Promise<void> {
  let stats: Stats;
  try {
    stats = await stat(path);
  } catch (error) {
    throw unreadable(file, error instanceof Error ? error.message : String(error), { cause: error });
  }
  if (stats.isFile()) return;
  throw stats.isDirectory()
    ? unreadable(file, "it is a folder", { hint: `Name a file, such as ${join(file, "kinsync.yaml")}.` })
    : unreadable(file, "it is not a regular file");
}

function unreadable(file: string, why: string, options: KinsyncErrorOptions = {}): KinsyncError {
  return new KinsyncError("KINSYNC_CONFIG_PARSE", `${file} cannot be read: ${why}`, { ...options, details: { file } });
}

function uidOf({ uid = process.getuid?.() }: LoadConfigOptions): number | undefined {
  return uid;
}

function shownPath(path: string, cwd: string): string {
  const short = relative(cwd, path);
  return short.startsWith("..") || isAbsolute(short) ? path : short;
}
