import type { BatchEntry } from "../../contract/transport.ts";
import { KinsyncError } from "../../errors/error.ts";
import type { Tree, TreeEntry } from "../../mapping/tree.ts";
import { changeOfFileMode, changeOfFolderMode, modeOfExisting, modeOfNew, type ModePolicy } from "./modes.ts";
import type { ObservedEntry, ObservedState } from "./observed.ts";
import type { PlanOptions } from "./plan-options.ts";
import { isInScope, parentsOf, removalsOf } from "./removals.ts";

/** The steps from the observed to the desired state. */
export interface Plan {
  /** In the order of execution: deletes that make room, then the tree from its root down, then old files. */
  readonly entries: readonly BatchEntry[];
  /** Paths where a file exists that kinsync did not create; unless empty, nothing may be sent. */
  readonly conflicts: readonly PlanConflict[];
  /** What the plan deletes, or replaces by another type, and kinsync did not create. Only `mirror` does that. */
  readonly foreign: readonly ObservedEntry[];
}

export interface PlanConflict {
  readonly path: string;
  readonly desired: TreeEntry["type"];
  readonly found: ObservedEntry["type"];
}

/**
 * Plans the steps from `observed` to `desired`. Pure: no I/O, no clock. Executing the entries creates the desired tree, keeps
 * everything that is neither in the tree nor kinsync's, and the plan is empty exactly when nothing differs that is compared. No entry
 * names a path outside of the mapped path.
 * @throws `KINSYNC_INTERNAL` where the desired tree itself has such a path
 */
export function planRoot(observed: ObservedState, desired: Tree, options: PlanOptions): Plan {
  const draft = new Draft(observed, options);
  for (const entry of desired.entries.values()) {
    if (!isInScope(entry.path, options.only)) throw outside(entry.path);
    draft.add(entry);
  }
  const removals = removalsOf({ observed, desired, options, cleared: draft.cleared, created: draft.created });
  draft.rewrite(removals.twins);
  return {
    entries: [...removals.first, ...draft.build, ...removals.last],
    conflicts: draft.conflicts,
    foreign: [...draft.replaced, ...removals.foreign],
  };
}

/** What a plan creates and changes, in the order of the tree. */
class Draft {
  readonly build: BatchEntry[] = [];
  readonly conflicts: PlanConflict[] = [];
  /** Folders that a file or a link replaces. */
  readonly cleared = new Set<string>();
  /** Paths that do not exist yet. */
  readonly created: string[] = [];
  /** Entries that kinsync did not create and another type replaces. */
  readonly replaced: ObservedEntry[] = [];
  readonly #observed: ObservedState;
  readonly #options: PlanOptions;

  constructor(observed: ObservedState, options: PlanOptions) {
    this.#observed = observed;
    this.#options = options;
  }

  add(entry: TreeEntry): void {
    const { modes } = this.#options;
    const there = this.#observed.entries.get(entry.path);
    if (there === undefined) {
      this.created.push(entry.path);
      this.build.push(creation(entry, undefined, modes));
    } else if (there.type === entry.type) {
      const change = changeOf(there, entry, { policy: modes, ours: this.#observed.ours.has(entry.path) });
      if (change !== undefined) this.build.push(change);
    } else this.#replace(entry, there);
  }

  #replace(entry: TreeEntry, there: ObservedEntry): void {
    const { modes, mirror } = this.#options;
    const { ours } = this.#observed;
    const mayReplace = there.type === "link" || this.#mayReplace(there, entry);
    if (there.type === "other" || !mayReplace) {
      this.conflicts.push({ path: entry.path, desired: entry.type, found: there.type });
      return;
    }
    if (there.type === "directory") this.cleared.add(entry.path);
    if (mirror && there.type !== "link" && !ours.has(entry.path)) this.replaced.push(there);
    this.build.push(creation(entry, there.type, modes));
  }

  #mayReplace(there: ObservedEntry, entry: TreeEntry): boolean {
    const { entries, ours, mounts = new Set() } = this.#observed;
    const { mirror, only } = this.#options;
    if (there.type === "file") return entry.type !== "directory" || mirror || ours.has(entry.path);
    // A mapped single file replaces no folder: what is in the folder lies outside of the mapped path.
    if (only !== undefined || mounts.has(entry.path) || parentsOf(mounts).has(entry.path)) return false;
    if (mirror) return true;
    const inside = `${entry.path}/`;
    const isAllOurs = [...entries.keys()].every((path) => !path.startsWith(inside) || ours.has(path));
    return isAllOurs && ours.has(entry.path);
  }

  /** Sends these existing entries again, whatever differs. */
  rewrite(twins: readonly TreeEntry[]): void {
    const { modes } = this.#options;
    for (const entry of twins) {
      const there = this.#observed.entries.get(entry.path);
      if (there === undefined || there.type === "directory" || there.type === "other") continue;
      // Of another type: it is replaced already.
      if (there.type !== entry.type) continue;
      const at = this.build.findIndex(({ path }) => path === entry.path);
      const mode =
        there.type === "file" && entry.type === "file" ? modeOfExisting(entry, there.mode, modes) : undefined;
      this.build.splice(
        at === -1 ? this.build.length : at,
        at === -1 ? 0 : 1,
        creation(entry, there.type, modes, mode),
      );
    }
  }
}

function creation(
  entry: TreeEntry,
  replaces: "file" | "link" | "directory" | undefined,
  policy: ModePolicy,
  mode = entry.type === "link" ? 0 : modeOfNew(entry, policy),
): BatchEntry {
  const { path } = entry;
  if (entry.type === "file") {
    const { size, digest } = entry;
    return { op: "file", path, mode, size, digest, ...(replaces === undefined ? {} : { replaces }) };
  }
  if (entry.type === "directory") {
    return {
      op: "directory",
      path,
      mode,
      ...(replaces === undefined || replaces === "directory" ? {} : { replaces }),
    };
  }
  return { op: "link", path, target: entry.target, ...(replaces === undefined ? {} : { replaces }) };
}

function changeOf(
  there: ObservedEntry,
  entry: TreeEntry,
  { policy, ours }: { readonly policy: ModePolicy; readonly ours: boolean },
): BatchEntry | undefined {
  const { path } = entry;
  if (entry.type === "link" && there.type === "link") {
    return there.target === entry.target ? undefined : creation(entry, "link", policy);
  }
  let mode: number | undefined;
  if (entry.type === "file" && there.type === "file") {
    if (there.size !== entry.size || there.digest !== entry.digest) {
      return creation(entry, "file", policy, modeOfExisting(entry, there.mode, policy));
    }
    mode = changeOfFileMode(entry, there.mode, policy);
  } else if (entry.type === "directory" && there.type === "directory") {
    mode = changeOfFolderMode(entry, there.mode, { policy, ours });
  }
  return mode === undefined ? undefined : { op: "chmod", path, mode };
}

function outside(path: string): KinsyncError {
  return new KinsyncError("KINSYNC_INTERNAL", `${JSON.stringify(path)} of the tree is outside of the mapped path`, {
    retry: "terminal",
    details: { path },
  });
}
