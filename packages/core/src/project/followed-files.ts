import { stat } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { Settings } from "./settings.ts";

/** Stamp of each followed file by its absolute path. A file that is missing has one, too, if a config names it. */
export type Stamps = ReadonlyMap<string, string>;

/**
 * Reads the stamps of the files of a config, and of its rules: those that the config names, and those that are beside it now. Stamps work
 * on every file system.
 * @param files that the config was read from, absolute
 */
export async function stampsOf(
  files: readonly string[],
  { rulesFiles }: Pick<Settings, "rulesFiles">,
): Promise<Stamps> {
  const paths = [...new Set([...files, ...(await rulesFiles())])];
  return new Map(await Promise.all(paths.map(async (path) => [path, await stampOf(path)] as const)));
}

/** Absolute paths whose stamps differ, or that are in one of both only. */
export function changedPaths(before: Stamps, after: Stamps): readonly string[] {
  return [...new Set([...before.keys(), ...after.keys()])].filter((path) => before.get(path) !== after.get(path));
}

/** How messages call a file of rules: relative to the config, as they name the config. */
export function shownRules(path: string, { path: config, file }: Pick<Settings, "path" | "file">): string {
  return config === undefined || file === undefined ? path : join(dirname(file), relative(dirname(config), path));
}

async function stampOf(file: string): Promise<string> {
  try {
    const { ino, size, mtimeMs, ctimeMs } = await stat(file);
    return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
  } catch {
    return "missing";
  }
}
