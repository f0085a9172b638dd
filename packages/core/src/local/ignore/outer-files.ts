import { existsSync, lstatSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";

/** A larger file is not read as a file of rules. */
export const LARGEST_RULE_FILE_BYTES = 1024 * 1024;

/** An ignore file above the mapped folder. */
export interface OuterFile {
  /** Path for people, relative to the mapped folder: `../../.gitignore`. */
  readonly file: string;
  readonly text: string;
  /** Path from the folder of the file to the mapped folder. */
  readonly base: readonly string[];
}

/** Ignore files above a mapped folder. Equal texts and stamps: the same object. */
export interface OuterFiles {
  /** `.gitignore` files, from the repository's root down. */
  readonly git: readonly OuterFile[];
  /** Folders at or above the mapped folder in which a `.dockerignore` may be, from the mapped folder up, itself left out. */
  readonly docker: readonly OuterFile[];
  readonly stamp: string;
}

export const NO_OUTER_FILES: OuterFiles = Object.freeze({ git: [], docker: [], stamp: "" });

/**
 * Reads the ignore files above a mapped folder, up to the root of its repository; without a repository, none. A mapped single file has none.
 * @param names of the files that count, the more specific first
 * @param before the last answer: returned again if no file changed
 */
export function readOuterFiles(from: string, names: readonly string[], before: OuterFiles): OuterFiles {
  if (names.length === 0) return NO_OUTER_FILES;
  const folders = foldersAbove(from);
  const paths = folders.flatMap((folder) =>
    names.map((name) => ({ folder, name, stamp: stampOf(join(folder, name)) })),
  );
  const found = paths.filter(({ stamp }) => stamp !== undefined);
  const stamp = found.map((each) => `${join(each.folder, each.name)} ${each.stamp}`).join("\n");
  if (stamp === before.stamp) return before;
  const read = found.flatMap(({ folder, name }) => {
    const text = readText(join(folder, name));
    const base = relative(folder, from).split(sep);
    return text === undefined ? [] : [{ name, file: `${"../".repeat(base.length)}${name}`, text, base }];
  });
  return {
    git: read.filter(({ name }) => name === ".gitignore").toReversed(),
    docker: read.filter(({ name }) => name !== ".gitignore"),
    stamp,
  };
}

/** From the parent of the mapped folder up to the root of its repository. */
function foldersAbove(from: string): readonly string[] {
  const folders: string[] = [];
  for (let folder = from; ; folder = dirname(folder)) {
    if (folder !== from) folders.push(folder);
    if (existsSync(join(folder, ".git"))) return folders;
    if (dirname(folder) === folder) return [];
  }
}

function stampOf(path: string): string | undefined {
  try {
    const stats = lstatSync(path);
    const { ino, size, mtimeMs, ctimeMs } = stats;
    return stats.isFile() && size <= LARGEST_RULE_FILE_BYTES ? `${ino} ${size} ${mtimeMs} ${ctimeMs}` : undefined;
  } catch {
    return undefined;
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
