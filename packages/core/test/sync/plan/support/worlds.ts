import fc from "fast-check";
import type { BatchEntry } from "../../../../src/contract/transport.ts";
import type { Tree, TreeEntry } from "../../../../src/mapping/tree.ts";
import type { ObservedEntry, ObservedState } from "../../../../src/sync/plan/observed.ts";
import type { PlanOptions } from "../../../../src/sync/plan/plan-options.ts";

export type World = Map<string, ObservedEntry>;

export const file = (path: string, digest: string, mode = 0o644): ObservedEntry & TreeEntry => ({
  type: "file",
  path,
  mode,
  size: digest.length,
  digest,
});
export const directory = (path: string, mode = 0o755): ObservedEntry & TreeEntry => ({ type: "directory", path, mode });
export const link = (path: string, target: string): ObservedEntry & TreeEntry => ({ type: "link", path, target });

export function tree(entries: readonly TreeEntry[]): Tree {
  const sorted = entries.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  return {
    shape: "directory",
    entries: new Map(sorted.map((entry) => [entry.path, entry])),
    digest: "",
    files: 0,
    bytes: 0,
  };
}

export function observed(entries: readonly ObservedEntry[], ours: readonly string[]): ObservedState {
  return { entries: new Map(entries.map((entry) => [entry.path, entry])), ours: new Set(ours) };
}

/** Carries out a batch as a container would; a folder goes only when empty, and nothing is made where its folder is missing. */
export function carriedOut(world: World, entries: readonly BatchEntry[]): World {
  const next = new Map(world);
  const children = (path: string): string[] => [...next.keys()].filter((key) => key.startsWith(`${path}/`));
  for (const entry of entries) {
    const there = next.get(entry.path);
    const parent = entry.path.includes("/") ? entry.path.slice(0, entry.path.lastIndexOf("/")) : undefined;
    if (entry.op === "delete") {
      if (there?.type === "directory" && children(entry.path).length > 0) continue;
      next.delete(entry.path);
      continue;
    }
    if (parent !== undefined && next.get(parent)?.type !== "directory")
      throw new Error(`${entry.path}: no folder ${parent}`);
    if (entry.op === "chmod") {
      if (there === undefined || there.type === "link" || there.type === "other")
        throw new Error(`chmod ${entry.path}`);
      next.set(entry.path, { ...there, mode: entry.mode });
      continue;
    }
    if (there?.type === "directory" && children(entry.path).length > 0 && entry.op !== "directory") {
      throw new Error(`${entry.path}: directory not empty`);
    }
    if (there !== undefined && there.type !== (entry.op as string) && entry.replaces !== there.type) {
      throw new Error(`${entry.path}: ${there.type} in the way of ${entry.op}`);
    }
    next.set(
      entry.path,
      entry.op === "file"
        ? { type: "file", path: entry.path, mode: entry.mode, size: entry.size, digest: entry.digest }
        : entry.op === "link"
          ? { type: "link", path: entry.path, target: entry.target }
          : { type: "directory", path: entry.path, mode: entry.mode },
    );
  }
  return next;
}

export const everything: PlanOptions = { modes: "exact", mirror: false, only: undefined, isExcluded: () => false };

const names = ["a", "b", "a-b", "ü", "x y"];
const anyPath = fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
const anyEntry = fc.record({
  path: anyPath,
  kind: fc.constantFrom("file", "directory", "link"),
  value: fc.constantFrom("1", "22", "333"),
  mode: fc.constantFrom(0o644, 0o755),
});

/** Some entries, with every missing parent made a folder and nothing below a file or a link. */
export const anyTree = fc.array(anyEntry, { maxLength: 12 }).map((drafts) => {
  const entries = new Map<string, ObservedEntry & TreeEntry>();
  for (const { path, kind, value, mode } of drafts) {
    const parts = path.split("/");
    const parents = parts.slice(1).map((_, depth) => parts.slice(0, depth + 1).join("/"));
    if (parents.some((parent) => entries.has(parent) && entries.get(parent)?.type !== "directory")) continue;
    if (entries.has(path)) continue;
    for (const parent of parents) if (!entries.has(parent)) entries.set(parent, directory(parent));
    entries.set(
      path,
      kind === "file" ? file(path, value, mode) : kind === "link" ? link(path, value) : directory(path),
    );
  }
  return tree([...entries.values()]);
});
