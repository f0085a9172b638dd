import { lstat, readdir, readFile, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { KinsyncError } from "../errors/error.ts";

const SCRIPT_OR_DATA = ["ts", "mts", "js", "mjs", "json", "yaml", "yml"] as const;

/** Holds a config where it has a `kinsync` key. */
export const PACKAGE_FILE = "package.json";

/** File names of a config, in the order of the search. `package.json` counts if it has a `kinsync` key. */
export const CONFIG_FILES: readonly string[] = [
  ...SCRIPT_OR_DATA.map((extension) => `kinsync.config.${extension}`),
  ".kinsyncrc",
  ...SCRIPT_OR_DATA.map((extension) => `.kinsyncrc.${extension}`),
  PACKAGE_FILE,
];

const MISNAMED = /^\.?kinsync(?:[-.]?(?:config|rc))?\.(?:[cm]?[jt]s|json[5c]?|ya?ml|toml)$/i;

/**
 * Folders of the search: from `cwd` up to the first that holds `.git`, or to the home folder, whichever comes first. Where
 * neither is above `cwd`, `cwd` alone: a config in `/tmp` or `/` may be anyone's.
 */
export async function searchFolders(cwd: string, home: string | undefined): Promise<readonly string[]> {
  const start = resolve(cwd);
  const end = home === undefined ? undefined : resolve(home);
  const folders: string[] = [];
  for (let folder = start; ; folder = dirname(folder)) {
    folders.push(folder);
    if (folder === end || (await exists(join(folder, ".git")))) return folders;
    if (dirname(folder) === folder) return [start];
  }
}

/** Names of `CONFIG_FILES` that exist in a folder. */
export async function configFilesIn(folder: string): Promise<readonly string[]> {
  const found = await Promise.all(CONFIG_FILES.map((name) => exists(join(folder, name))));
  return CONFIG_FILES.filter((_, place) => found[place]);
}

/**
 * A file that looks like a config and has none of the names of one, such as `kinsync.yaml`; `undefined` where there is none.
 * @param folders those that were searched, nearest first
 */
export async function misnamedConfig(folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) {
    const names = await readdir(folder).catch(() => []);
    const near = names.find((name) => MISNAMED.test(name) && !CONFIG_FILES.includes(name));
    if (near !== undefined) return join(folder, near);
  }
  return undefined;
}

/** A config in a package.json, also in a broken one. A dependency on kinsync has a text there. */
const CONFIG_KEY = /"kinsync"\s*:\s*\{/;

/** Whether a package.json has a `kinsync` key. A broken one that seems to have it counts: reading it as a config reports what is wrong. */
export async function hasConfigKey(path: string): Promise<"yes" | "no" | "broken"> {
  const text = await readFile(path, "utf8");
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && "kinsync" in value ? "yes" : "no";
  } catch {
    return CONFIG_KEY.test(text) ? "yes" : "broken";
  }
}

/**
 * Refuses a config file that belongs to another user than the current one or root (POSIX only): its code would run with
 * the current user's rights, and its commands in the current user's containers.
 * @param uid of the current user; `undefined` where the system has none (Windows)
 */
export async function refuseForeignFile(
  path: string,
  file: string,
  { uid, isData }: { readonly uid: number | undefined; readonly isData: boolean },
): Promise<void> {
  if (uid === undefined) return;
  const { uid: owner } = await stat(path);
  if (owner === uid || owner === 0) return;
  throw new KinsyncError(
    "KINSYNC_CONFIG_FOREIGN",
    `${file} belongs to another user (uid ${owner}, you are ${uid}), and a config can run ${isData ? "commands in your containers and on this machine" : "code as you"}`,
    {
      hint: `If you trust it, ${isData ? `name it (--config ${file}), or ` : ""}make it yours: chown ${uid} ${file}`,
      details: { file, owner, uid },
    },
  );
}

/** Folder beside a config whose files of rules are found. */
const RULES_FOLDER = "kinds";
const RULES_FILE = /\.kind\.(?:ya?ml|json)$/;

/** Absolute paths of the files of rules beside a config: `kinds/NAME.kind.yaml`, `.yml` or `.json`. */
export async function rulesBeside(folder: string): Promise<readonly string[]> {
  const names = await readdir(join(folder, RULES_FOLDER)).catch(() => []);
  return names
    .filter((name) => RULES_FILE.test(name))
    .toSorted()
    .map((name) => join(folder, RULES_FOLDER, name));
}

/** True if there is anything at the path, a dangling link included. */
export async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch {
    return false;
  }
}
