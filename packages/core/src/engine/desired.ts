import { KinsyncError } from "../errors/error.ts";
import type { RootSpec } from "../contract/transport.ts";
import { containerPath, resolveIn, type ContainerPath } from "../mapping/container-path.ts";
import type { ResolvedMapping } from "../mapping/mapping.ts";
import { overriddenPaths } from "../mapping/overridden-paths.ts";
import { projectTree, type Tree } from "../mapping/tree.ts";
import type { DesiredRoot, DesiredState } from "../sync/target/desired-state.ts";
import type { MappingSnapshot, Snapshot } from "./snapshot.ts";

/** Determines which part of a snapshot a target should hold. */
export interface Projection {
  /** Mappings whose filters select the target's container, in the order of the config. */
  readonly mappings: readonly ResolvedMapping[];
  /** Working directory of the container; `undefined` until a session has reported it. */
  readonly workingDirectory: string | undefined;
}

/** One mapped root of a target, also where its files may not be sent now. */
export interface LayoutRoot {
  readonly part: MappingSnapshot;
  readonly path: ContainerPath;
  /** Paths that other mappings of the container override. Sorted. */
  readonly overridden: readonly string[];
}

/** What a target should hold by itself, and where its roots are. */
export interface Projected {
  readonly state: DesiredState;
  readonly layout: readonly LayoutRoot[];
  /** Equal keys mean equal paths of the same mappings. */
  readonly layoutKey: string;
}

/** Desired states of a snapshot by projection: targets that should hold the same share one object. */
const projected = new WeakMap<Snapshot, Map<string, Projected>>();
/** The same before the first snapshot. */
const empty = new WeakMap<readonly ResolvedMapping[], Projected>();
/** Trees without overridden paths. */
const cut = new WeakMap<Tree, Map<string, Tree>>();

/** What a target should hold of a snapshot, and where its roots are. The same object for equal arguments. */
export function projectSnapshot(snapshot: Snapshot | undefined, projection: Projection): Projected {
  const { mappings, workingDirectory } = projection;
  if (snapshot === undefined) {
    let nothing = empty.get(mappings);
    if (nothing === undefined) {
      const state = { snapshot: 0, mappings, roots: [], halted: [], conflict: undefined, key: "" };
      empty.set(mappings, (nothing = { state, layout: [], layoutKey: "" }));
    }
    return nothing;
  }
  let states = projected.get(snapshot);
  if (states === undefined) projected.set(snapshot, (states = new Map()));
  // Relative container paths alone depend on the working directory.
  const isRelative = mappings.some(({ to }) => !to.startsWith("/"));
  const key = `${isRelative ? (workingDirectory ?? "") : ""}\n${mappings.map(({ id }) => id).join("\n")}`;
  let result = states.get(key);
  if (result === undefined) states.set(key, (result = project(snapshot, projection)));
  return result;
}

function project(snapshot: Snapshot, { mappings, workingDirectory }: Projection): Projected {
  const ids = new Set(mappings.map(({ id }) => id));
  const parts = snapshot.mappings
    .filter(({ mapping }) => ids.has(mapping.id))
    .map((part) => ({ part, path: containerPath(part.mapping, part.tree?.shape === "file") }));
  const paths = parts.map(({ path }) => path);
  const conflict = conflictOf(parts, workingDirectory);
  const layout = parts.map(({ part, path }): LayoutRoot => ({
    part,
    path,
    overridden: overriddenPaths(path, paths, workingDirectory),
  }));
  const roots = layout.flatMap((each) => desiredRoot(each) ?? []);
  const halted = parts.flatMap(({ part: { mapping, halted: reason } }) =>
    reason === undefined ? [] : [{ mapping, reason }],
  );
  const key = [
    ...roots.map(({ mapping, tree }) => `${mapping.id}=${tree.digest}`),
    ...(conflict === undefined ? [] : [conflict.message]),
  ].join("\n");
  return {
    state: Object.freeze({ snapshot: snapshot.number, mappings, roots, halted, conflict, key }),
    layout,
    layoutKey: [
      workingDirectory ?? "",
      ...parts.map(({ part, path }) => `${part.mapping.id}=${path.full} ${path.shape}`),
    ].join("\n"),
  };
}

/**
 * What one mapped root should hold; `undefined` where no files are known or nothing may be sent.
 * @param excluded paths that belong to more specific mappings. Default: those of the container itself
 */
export function desiredRoot(
  { part, path, overridden }: LayoutRoot,
  excluded: readonly string[] = overridden,
): DesiredRoot | undefined {
  const { mapping, tree, content, settledAt, isIgnored, halted } = part;
  if (tree === undefined || halted !== undefined) return undefined;
  const spec: RootSpec = {
    path: path.path,
    shape: path.shape,
    ...(path.shape === "file" ? { fileName: path.fileName } : {}),
    key: path.key,
    from: mapping.from,
    ...(mapping.inPlace ? { inPlace: true } : {}),
  };
  return {
    mapping,
    spec,
    tree: withoutPaths(tree, excluded),
    content,
    settledAt,
    isExcluded: (inside, isDirectory) =>
      isIgnored(inside, isDirectory) || excluded.some((each) => inside === each || inside.startsWith(`${each}/`)),
  };
}

function withoutPaths(tree: Tree, overridden: readonly string[]): Tree {
  if (overridden.length === 0) return tree;
  let trees = cut.get(tree);
  if (trees === undefined) cut.set(tree, (trees = new Map()));
  const key = overridden.join("\0");
  let without = trees.get(key);
  if (without === undefined) trees.set(key, (without = projectTree(tree, overridden)));
  return without;
}

/** Two mappings with one container path would overwrite each other at every comparison. */
function conflictOf(
  parts: readonly { readonly part: MappingSnapshot; readonly path: ContainerPath }[],
  workingDirectory: string | undefined,
): KinsyncError | undefined {
  const seen = new Map<string, ResolvedMapping>();
  for (const { part, path } of parts) {
    const full = resolveIn(workingDirectory, path.full);
    const other = seen.get(full);
    if (other !== undefined) {
      return new KinsyncError(
        "KINSYNC_CONFIG_CONFLICT",
        `${other.id} (to: ${other.to}) and ${part.mapping.id} (to: ${part.mapping.to}) both write ${full} in this container`,
        {
          hint: "Remove one of them, or give them roles, indexes, labels or containers that do not overlap.",
          retry: "terminal",
          details: { path: full, mappings: [other.id, part.mapping.id] },
        },
      );
    }
    seen.set(full, part.mapping);
  }
  return undefined;
}
