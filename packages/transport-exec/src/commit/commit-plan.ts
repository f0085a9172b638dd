import { posix } from "node:path";
import { KinsyncError, type Batch, type BatchEntry } from "@kinsync/core/contract";

/** Name of the state directory. No path of a mapping may contain it. */
export const STATE_DIRECTORY = ".kinsync";

/** One step of a commit, in the terms of the agents. */
export interface PlanStep {
  /** `f` file, `d` new folder, `l` link; `x` delete a file or link, `y` delete a folder if empty; `c` change a mode. */
  readonly op: "f" | "d" | "l" | "x" | "y" | "c";
  readonly path: string;
  readonly mode: number;
  readonly size: number;
  /** Digest of a file, target of a link. */
  readonly value: string;
  /** True if the step has a rename of its own. The content of a new folder moves with the folder. */
  readonly moves: boolean;
  /** What it replaces: `f` file, `l` link, `d` folder. */
  readonly replaces: "f" | "l" | "d" | "-";
}

/** A batch in the order of its execution. The staged steps are in the order of the archive. */
export interface CommitPlan {
  readonly steps: readonly PlanStep[];
  /** Number of entries in the batch. */
  readonly count: number;
}

/** Plans by the list of entries that they were compiled from: a list that several targets receive is compiled once. */
const plans = new WeakMap<readonly BatchEntry[], CommitPlan>();

/**
 * The steps of a batch for an agent: first deletes that make room (those that come before everything that is written, and the content of
 * replaced folders), then renames, then the other deletes, then modes. Batches with the same list of entries get the same plan; a list must
 * not change after it was planned.
 * @throws `KINSYNC_TARGET_PATH` for a path that leaves the root or is in the state directory
 */
export function planCommit({ entries }: Pick<Batch, "entries">): CommitPlan {
  let plan = plans.get(entries);
  if (plan === undefined) plans.set(entries, (plan = compile(entries)));
  return plan;
}

function compile(entries: readonly BatchEntry[]): CommitPlan {
  const fresh = new Set<string>();
  const replacedFolders = new Set<string>();
  for (const entry of entries) {
    checkPath(entry.path);
    if (entry.op === "directory") fresh.add(entry.path);
    if ((entry.op === "file" || entry.op === "link") && entry.replaces === "directory") replacedFolders.add(entry.path);
  }
  const first: PlanStep[] = [];
  const staged: PlanStep[] = [];
  const last: PlanStep[] = [];
  const modes: PlanStep[] = [];
  for (const entry of entries) {
    if (entry.op === "delete") {
      const makesRoom = staged.length === 0 || isAtOrBelow(entry.path, replacedFolders);
      (makesRoom ? first : last).push(removal(entry));
    } else if (entry.op === "chmod") {
      modes.push(changeOfMode(entry.path, entry.mode));
    } else {
      staged.push(stagedStep(entry, !fresh.has(posix.dirname(entry.path))));
      // A folder that its owner cannot write to can be neither filled nor renamed. It gets its mode after the renames.
      if (entry.op === "directory" && (entry.mode & 0o700) !== 0o700) modes.push(changeOfMode(entry.path, entry.mode));
    }
  }
  // Children first: the new mode of a folder may forbid a change below it.
  modes.sort((a, b) => (a.path < b.path ? 1 : -1));
  return { steps: [...first, ...staged, ...last, ...modes], count: entries.length };
}

const LETTERS = { file: "f", link: "l", directory: "d" } as const;

function stagedStep(entry: BatchEntry & { op: "file" | "directory" | "link" }, moves: boolean): PlanStep {
  const replaces: PlanStep["replaces"] = entry.replaces === undefined ? "-" : LETTERS[entry.replaces];
  const common = { path: entry.path, moves, replaces };
  switch (entry.op) {
    case "file":
      return { ...common, op: "f", mode: entry.mode & 0o7777, size: entry.size, value: entry.digest };
    case "directory":
      return { ...common, op: "d", mode: (entry.mode & 0o7777) | 0o700, size: 0, value: "" };
    case "link":
      return { ...common, op: "l", mode: 0o777, size: 0, value: entry.target };
  }
}

function removal(entry: BatchEntry & { op: "delete" }): PlanStep {
  const op = entry.type === "directory" ? "y" : "x";
  return { op, path: entry.path, mode: 0, size: 0, value: "", moves: false, replaces: "-" };
}

function changeOfMode(path: string, mode: number): PlanStep {
  return { op: "c", path, mode: mode & 0o7777, size: 0, value: "", moves: false, replaces: "-" };
}

/** True for steps whose content is in the archive. */
export function isStaged(step: PlanStep): boolean {
  return step.op === "f" || step.op === "d" || step.op === "l";
}

/** A part of a path that leads elsewhere, or a NUL. */
const NOT_OF_ROOT = new RegExp(
  String.raw`\0|(?:^|/)(?:\.{0,2}|${STATE_DIRECTORY.replace(".", String.raw`\.`)})(?:/|$)`,
);

/** Whether a path names something below a mapped root, outside of the state directory. */
export function isPathOfRoot(path: string): boolean {
  return !NOT_OF_ROOT.test(path);
}

/** Refuses a path that would leave the root. The engine never sends one; this is the last check before the container. */
export function checkPath(path: string): void {
  if (isPathOfRoot(path)) return;
  throw new KinsyncError("KINSYNC_TARGET_PATH", `${JSON.stringify(path)} is not a path below a mapped root`, {
    hint: `A path must stay below the root, and no part of it may be named ${STATE_DIRECTORY}.`,
  });
}

function isAtOrBelow(path: string, folders: ReadonlySet<string>): boolean {
  if (folders.size === 0) return false;
  for (let at = path; at !== "."; at = posix.dirname(at)) if (folders.has(at)) return true;
  return false;
}
