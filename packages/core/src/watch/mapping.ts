import { hash } from "node:crypto";
import { basename, posix } from "node:path";
import type { InitialSync } from "../contract/config.ts";
import type { MemberState } from "../contract/kind.ts";
import { comparePaths, isAtOrBelow } from "./tree.ts";

/** A mapping with every default filled in and its local path absolute. */
export interface ResolvedMapping {
  /** Unique in one run: its place in the config, such as `jobset/train sync[0]`. For people, too. */
  readonly id: string;
  /** Absolute local path. */
  readonly from: string;
  /** As the user wrote it, for messages. */
  readonly fromText: string;
  /** POSIX container path without trailing slash (but as written if it ended in one and `from` is a file: see `toIsFolder`). */
  readonly to: string;
  /** `to` ended in a slash: a single file goes into that folder under its own name, as with cp. */
  readonly toIsFolder: boolean;
  readonly ignore: readonly string[];
  readonly ignoreDefaults: boolean;
  readonly ignoreFiles: readonly (".gitignore" | ".dockerignore")[];
  /** `undefined`: all. */
  readonly roles: readonly string[] | undefined;
  readonly indexes: readonly string[] | undefined;
  readonly container: string | undefined;
  readonly image: string | undefined;
  readonly states: readonly MemberState[];
  readonly inPlace: boolean;
  readonly mirror: boolean;
  readonly transport: string;
  readonly initial: InitialSync;
}

/** Where a mapping lands in a container, made comparable. */
export interface TargetPath {
  /** Of the mapping: the last resort where two mappings want the very same path. */
  readonly id: string;
  /** POSIX path of the folder that entry paths are relative to (`RootSpec.path`): for a single file its parent folder. Normalized. */
  readonly path: string;
  readonly shape: "directory" | "file";
  /** Name of the entry of a single file in that folder. For a folder: the name that it would have, were it a file. */
  readonly fileName: string;
  /** POSIX path of what is mapped: `path`, and for a single file `path/fileName`. */
  readonly full: string;
  /** Name of the mapping's part of the state directory (`RootSpec.key`): the same in every run, different for different `full`. */
  readonly key: string;
}

/**
 * Where a mapping lands. A folder's content goes to `to`. A file goes to `to` itself, or under its own name into `to` where that
 * ends in a slash (or is `/`, `.` or `..`), as with cp.
 * @param sourceIsFile whether `from` is a single file
 */
export function targetPath(
  mapping: Pick<ResolvedMapping, "id" | "from" | "to" | "toIsFolder">,
  sourceIsFile: boolean,
): TargetPath {
  const to = normalizeContainerPath(mapping.to);
  const last = posix.basename(to);
  const intoFolder = mapping.toIsFolder || last === "" || last === "." || last === "..";
  const fileName = intoFolder ? basename(mapping.from) : last;
  const { id } = mapping;
  if (!sourceIsFile) return { id, path: to, shape: "directory", fileName, full: to, key: stateKey(to) };
  const path = intoFolder ? to : posix.dirname(to);
  const full = posix.join(path, fileName);
  return { id, path, shape: "file", fileName, full, key: stateKey(full) };
}

/** Without `.`, `..` inside, double and trailing slashes. A relative path stays relative; the empty one becomes `.`. */
export function normalizeContainerPath(path: string): string {
  const normal = posix.normalize(path);
  if (normal === "/" || normal === "//") return "/";
  return normal.endsWith("/") ? normal.slice(0, -1) : normal;
}

/**
 * Paths of `mapping` that other mappings of the same container win, since their `to` is more specific: relative to its `path`,
 * sorted, none below another. They are neither written nor deleted for `mapping`. The empty path stands for everything: then
 * another mapping wants the very same path, which the config refuses where it can see it; the smaller `id` wins.
 * @param others may hold `mapping` itself, which is skipped by its `id`
 * @param workingDirectory of the container; without it an absolute and a relative path are taken for different places
 */
export function shadowsOf(
  mapping: TargetPath,
  others: readonly TargetPath[],
  workingDirectory?: string,
): readonly string[] {
  const own = resolveIn(workingDirectory, mapping.full);
  const shadows = new Set<string>();
  for (const other of others) {
    if (other.id === mapping.id) continue;
    const path = resolveIn(workingDirectory, other.full);
    if (path === own) {
      // Of one file the entry is named, so that the rest of its parent folder stays out of it.
      if (other.id < mapping.id) shadows.add(mapping.shape === "file" ? mapping.fileName : "");
    } else if (mapping.shape === "directory" && isBelow(path, own)) {
      shadows.add(own === "." ? path : path.slice(own === "/" ? 1 : own.length + 1));
    }
  }
  return [...shadows].filter((path) => !hasAncestorIn(path, shadows)).sort(comparePaths);
}

function resolveIn(workingDirectory: string | undefined, path: string): string {
  if (workingDirectory === undefined || posix.isAbsolute(path)) return path;
  return normalizeContainerPath(posix.join(workingDirectory, path));
}

function isBelow(path: string, folder: string): boolean {
  if (folder === "/") return posix.isAbsolute(path);
  if (folder === ".") return !posix.isAbsolute(path) && path !== ".." && !path.startsWith("../");
  return path.startsWith(`${folder}/`);
}

function hasAncestorIn(path: string, paths: ReadonlySet<string>): boolean {
  const parents = new Set(paths);
  parents.delete(path);
  return isAtOrBelow(path, parents);
}

/** Readable for people who look into the state directory, unique by the digest of the path. */
function stateKey(path: string): string {
  const name = posix
    .basename(path)
    .replaceAll(/[^A-Za-z0-9_-]+/g, "-")
    .slice(0, 32);
  return `${name === "" ? "root" : name}-${hash("sha256", path).slice(0, 16)}`;
}
