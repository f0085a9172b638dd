import { constants, type Stats } from "node:fs";
import { access, stat } from "node:fs/promises";
import { basename, dirname, extname, isAbsolute, join, relative, resolve } from "node:path";
import { KinsyncError, type KinsyncErrorOptions } from "../errors/error.ts";
import type { ConfigPath, Position } from "../document/parse.ts";
import { checkNodeVersion } from "./node-version.ts";
import type { ConfigExplorer } from "./explorer.ts";
import { configFilesIn, exists, hasConfigKey, PACKAGE_FILE, refuseForeignFile, searchFolders } from "./places.ts";

const SCRIPT_ENDINGS: ReadonlySet<string> = new Set([".ts", ".mts", ".js", ".mjs"]);

export interface LoadConfigOptions {
  /** Folder that the search starts in. */
  readonly cwd: string;
  /** A config file by path, relative to `cwd`; then nothing is searched. */
  readonly file?: string;
  /** The user's home folder: the search goes no further up. Default: none is known. */
  readonly home?: string;
  /** Whose files may be run besides root's. Default: those of the current user; everybody's where the system has no uid. */
  readonly uid?: number;
  /**
   * File URL of a module of the running program. A TS or JS config that imports a package of kinsync, which its project lacks, gets the
   * one that this module would get. Default: `@kinsync/core` only.
   */
  readonly program?: string;
  /** Runs a TS or JS config again, with what it imports, although this process ran it before: a number that it did not have. */
  readonly edition?: number;
  /** Called with what a person should know about files that are not a config. Default: no notes. */
  readonly onNote?: (note: string) => void;
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
  /** Absolute paths of the files that it was read from: its own, and what a TS or JS config imports from outside of node_modules. */
  readonly files: readonly string[];
  /** True for YAML and JSON, which have no code: `${NAME}` in a text is a variable. */
  readonly isData: boolean;
  /** Position of a key or a value in the text; `undefined` in TS and JS. */
  readonly locate: (path: ConfigPath, part: "key" | "value") => Position | undefined;
}

/**
 * Finds and reads the config: `kinsync.config.{ts,mts,js,mjs,json,yaml,yml}`, `.kinsyncrc` (YAML or JSON) with or without
 * these extensions, or `"kinsync"` in package.json; from `cwd` up to the folder with `.git` or the home folder.
 * `undefined` where there is none. Checks who owns the file before it is used; no other file is read or run.
 *
 * Throws `KINSYNC_CONFIG_NOT_FOUND` (a named file), `KINSYNC_CONFIG_FOREIGN`, `KINSYNC_CONFIG_PARSE`,
 * `KINSYNC_CONFIG_CONFLICT` (two config files in one folder), `KINSYNC_PLUGIN_NOT_FOUND` (a package that a TS or JS config imports).
 */
export async function loadConfig(options: LoadConfigOptions): Promise<LoadedConfig | undefined> {
  return options.file === undefined ? await searchConfig(options) : await loadNamed(options.file, options);
}

async function loadNamed(name: string, options: LoadConfigOptions): Promise<LoadedConfig> {
  const path = resolve(options.cwd, name);
  if (!(await exists(path))) {
    throw new KinsyncError("KINSYNC_CONFIG_NOT_FOUND", `There is no config file ${name}`, { details: { file: name } });
  }
  await refuseIrregularFile(path, shownPath(path, options.cwd));
  const explorer = await createExplorer({ ...options, isNamed: true });
  const loaded = await explorer.load(path);
  if (loaded !== undefined) return loaded;
  throw new KinsyncError("KINSYNC_CONFIG_NOT_FOUND", `${name} has no key "kinsync"`, {
    hint: 'Add "kinsync": { "workloads": [ … ] } to it.',
    details: { file: name },
  });
}

async function searchConfig(options: LoadConfigOptions): Promise<LoadedConfig | undefined> {
  const folders: string[] = [];
  for (const folder of await searchFolders(options.cwd, options.home)) {
    const names = await configFilesIn(folder);
    if (names.length === 0) continue;
    const shown = names.map((name) => shownPath(join(folder, name), options.cwd));
    for (const [place, name] of names.entries()) await refuseIrregularFile(join(folder, name), shown[place] ?? name);
    const [first, second] = shown.filter((_, place) => names[place] !== PACKAGE_FILE);
    if (first !== undefined && second !== undefined) throw twoFiles(first, second);
    // Most projects have a package.json, and few have a config in it.
    if (first === undefined && !(await isConfigInPackage(folder, options))) continue;
    folders.push(folder);
    break;
  }
  const [from] = folders;
  // Nothing is loaded to read a config where there is none.
  if (from === undefined) return undefined;
  const explorer = await createExplorer(options);
  const found = await explorer.search(from, from);
  if (found === undefined || basename(found.path) === PACKAGE_FILE) return found;
  const packageFile = join(found.folder, PACKAGE_FILE);
  const isInPackage = (await exists(packageFile)) && (await hasConfigKey(packageFile)) === "yes";
  const other = isInPackage ? await explorer.load(packageFile) : undefined;
  if (other !== undefined) throw twoFiles(found.file, other.file);
  return found;
}

/** A package.json without the key is not a config, and one that is broken and seems to have none is a note: it may be far above. */
async function isConfigInPackage(folder: string, { cwd, onNote }: LoadConfigOptions): Promise<boolean> {
  const path = join(folder, PACKAGE_FILE);
  const found = await hasConfigKey(path);
  if (found === "broken") onNote?.(`${shownPath(path, cwd)} is not valid JSON; it is taken for one without a config`);
  return found === "yes";
}

interface ReadOptions extends LoadConfigOptions {
  /** The user named the file. Default: `false`. */
  readonly isNamed?: boolean;
}

async function createExplorer(options: ReadOptions): Promise<ConfigExplorer<LoadedConfig>> {
  const { ConfigExplorer } = await import("./explorer.ts");
  return new ConfigExplorer((path, text) => readConfig(path, text, options));
}

function twoFiles(first: string, second: string): KinsyncError {
  return new KinsyncError("KINSYNC_CONFIG_CONFLICT", `Two config files are beside each other: ${first} and ${second}`, {
    hint: "Keep one of them, or choose with --config FILE.",
    details: { files: [first, second] },
  });
}

/** `undefined` for a package.json without a `kinsync` key. Checks the owner before anything of the file is run or used. */
async function readConfig(path: string, text: string, options: ReadOptions): Promise<LoadedConfig | undefined> {
  const file = shownPath(path, options.cwd);
  if (basename(path) === PACKAGE_FILE) {
    const { parseConfigText } = await import("../document/parse.ts");
    const { value, locate } = parseConfigText(text, file, "json");
    const config = typeof value === "object" && value !== null && "kinsync" in value ? value.kinsync : undefined;
    if (config === undefined) return undefined;
    if (options.isNamed !== true) await refuseForeignFile(path, file, { uid: uidOf(options), isData: true });
    return {
      path,
      folder: dirname(path),
      file,
      value: config,
      files: [path],
      isData: true,
      locate: (at, part) => locate(["kinsync", ...at], part),
    };
  }
  const isData = !SCRIPT_ENDINGS.has(extname(path));
  // Naming data is a decision, also about its hooks. Code could do more than a look at the file shows.
  if (!isData || options.isNamed !== true) await refuseForeignFile(path, file, { uid: uidOf(options), isData });
  const common = { path, folder: dirname(path), file };
  switch (extname(path)) {
    case ".ts":
    case ".mts":
    case ".js":
    case ".mjs": {
      checkNodeVersion(process.versions.node, file);
      const { importConfigModule } = await import("./module.ts");
      const { cwd, program, edition, signal } = options;
      const { value, files } = await importConfigModule({ path, file, cwd, program, edition, signal });
      return { ...common, value, files, isData: false, locate: () => undefined };
    }
    case ".json":
    case ".yaml":
    case ".yml":
    case "": {
      const { parseConfigText } = await import("../document/parse.ts");
      const format = extname(path) === ".json" ? "json" : "yaml";
      const { value, locate } = parseConfigText(text, file, format);
      // A file of nothing but comments is an empty config, not a missing one.
      return { ...common, value: value ?? {}, files: [path], isData: true, locate };
    }
    default:
      throw new KinsyncError("KINSYNC_CONFIG_PARSE", `${file}: a config cannot have the ending ${extname(file)}`, {
        hint: "Use .ts, .mts, .js, .mjs, .json, .yaml or .yml.",
        details: { file },
      });
  }
}

/** A folder, a FIFO or a device is not read: it may have no end. A file that cannot be read is an error, not one to skip. */
async function refuseIrregularFile(path: string, file: string): Promise<void> {
  let stats: Stats;
  try {
    stats = await stat(path);
    await access(path, constants.R_OK);
  } catch (error) {
    if (isMissing(error)) {
      const hint = "Fix the link, or remove it.";
      throw unreadable(file, "it is a link to a file that does not exist", { hint, cause: error });
    }
    throw unreadable(file, error instanceof Error ? error.message : String(error), { cause: error });
  }
  if (stats.isFile()) return;
  throw stats.isDirectory()
    ? unreadable(file, "it is a folder", { hint: `Name a file, such as ${join(file, "kinsync.yaml")}.` })
    : unreadable(file, "it is not a regular file");
}

/** Of a path that was found by its name: a link to nothing. */
function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
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
