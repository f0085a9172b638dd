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

/** Desired states of a snapshot by projection: targets that should hold the same share one object. */
const projected = new WeakMap<Snapshot, Map<string, DesiredState>>();
/** Trees without overridden paths. */
const cut = new WeakMap<Tree, Map<string, Tree>>();

/** What a target should hold of a snapshot. The same object for equal arguments. */
export function desiredState(snapshot: Snapshot | undefined, projection: Projection): DesiredState {
  const { mappings, workingDirectory } = projection;
  if (snapshot === undefined) {
    return { snapshot: 0, mappings, roots: [], halted: [], conflict: undefined, key: "" };
  }
  let states = projected.get(snapshot);
  if (states === undefined) projected.set(snapshot, (states = new Map()));
  // Relative container paths alone depend on the working directory.
  const isRelative = mappings.some(({ to }) => !to.startsWith("/"));
  const key = `${isRelative ? (workingDirectory ?? "") : ""}\n${mappings.map(({ id }) => id).join("\n")}`;
  let state = states.get(key);
  if (state === undefined) states.set(key, (state = project(snapshot, projection)));
  return state;
}

function project(snapshot: Snapshot, { mappings, workingDirectory }: Projection): DesiredState {
  const ids = new Set(mappings.map(({ id }) => id));
  const parts = snapshot.mappings
    .filter(({ mapping }) => ids.has(mapping.id))
    .map((part) => ({ part, path: containerPath(part.mapping, part.tree?.shape === "file") }));
  const paths = parts.map(({ path }) => path);
  const conflict = conflictOf(parts, workingDirectory);
  const roots = parts.flatMap(({ part, path }): DesiredRoot[] => {
    if (part.tree === undefined || part.halted !== undefined) return [];
    return [desiredRoot(part, part.tree, path, overriddenPaths(path, paths, workingDirectory))];
  });
  const halted = parts.flatMap(({ part: { mapping, halted: reason } }) =>
    reason === undefined ? [] : [{ mapping, reason }],
  );
  const key = [
    ...roots.map(({ mapping, tree }) => `${mapping.id}=${tree.digest}`),
    ...(conflict === undefined ? [] : [conflict.message]),
  ].join("\n");
  return Object.freeze({ snapshot: snapshot.number, mappings, roots, halted, conflict, key });
}

function desiredRoot(
  part: MappingSnapshot,
  tree: Tree,
  path: ContainerPath,
  overridden: readonly string[],
): DesiredRoot {
  const { mapping, content, settledAt, isIgnored } = part;
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
    tree: withoutPaths(tree, overridden),
    content,
    settledAt,
    isExcluded: (inside, isDirectory) =>
      isIgnored(inside, isDirectory) || overridden.some((each) => inside === each || inside.startsWith(`${each}/`)),
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
