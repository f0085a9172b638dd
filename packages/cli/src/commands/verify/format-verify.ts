import type { PlannedEntry, PlannedRoot, PlannedTarget, PlannedWorkload } from "@kinsync/core/project";
import type { Paint } from "../../render/color.ts";
import { clean } from "../../render/text.ts";
import { formatUnread } from "../../render/summary.ts";
import { count } from "../../render/units.ts";
import { unreadOf } from "../plan/incomplete.ts";
import { writerOf } from "./writer-of.ts";

/** Limit of one list on the screen; `-o json` has all of it. */
const MAX_PATHS = 20;

/** What the containers of one workload hold, against the local files. */
export function formatVerify(workload: PlannedWorkload, paint: Paint): readonly string[] {
  const { targets, problems, sources } = workload;
  return [
    `${paint("bold", clean(workload.workload))}  namespace ${clean(workload.namespace)}, ${count(targets.length, "container")}`,
    ...sources.flatMap(({ from, halted }) =>
      halted === undefined ? [] : [`  ${clean(from)}: ${paint("red", `stopped: ${clean(halted)}`)}`],
    ),
    ...problems.flatMap(({ code, message, hint }) => [
      `  ${paint("red", code)}: ${clean(message)}`,
      `    ${paint("cyan", "hint:")} ${clean(hint)}`,
    ]),
    ...targets.flatMap((target) => formatTarget(target, workload, paint)),
    ...(targets.length === 0 ? ["  No container should have files."] : []),
  ];
}

function formatTarget(target: PlannedTarget, workload: PlannedWorkload, paint: Paint): readonly string[] {
  const head = `  ${paint("bold", clean(target.pod))} [${clean(target.container)}]`;
  if (target.status === "waiting") return [`${head}  ${clean(target.reason ?? "")}`];
  if (target.problem !== undefined) return [head, ...problemLines(target.problem, paint)];
  return [head, ...target.roots.flatMap((root) => formatRoot(root, unreadOf(workload, root.mapping), paint))];
}

function formatRoot(root: PlannedRoot, unread: number, paint: Paint): readonly string[] {
  const to = clean(root.to);
  if (root.problem !== undefined) return [`    ${to}:`, ...problemLines(root.problem, paint)];
  if (root.through !== undefined) return [`    ${to}: the same volume as in ${clean(root.through)}`];
  const paths = [
    ...root.written.map((entry) => `${paint("yellow", wordOf(entry))}  ${clean(entry.path)}`),
    ...root.deleted.map(({ path }) => `${paint("yellow", "not a local file")}  ${clean(path)}`),
  ];
  if (paths.length === 0) {
    const state = unread === 0 ? paint("green", "as the local files") : paint("red", formatUnread(unread));
    return [`    ${to}: ${state}; ${writerOf(root)}`];
  }
  const shown = paths.length > MAX_PATHS + 1 ? paths.slice(0, MAX_PATHS) : paths;
  const more = paths.length - shown.length;
  return [
    `    ${to}: ${paint("red", `${count(paths.length, "path")} ${paths.length === 1 ? "differs" : "differ"}`)}; ${writerOf(root)}${causeOf(root)}`,
    ...shown.map((line) => `      ${line}`),
    ...(more === 0 ? [] : [`      … and ${more} more`]),
  ];
}

/** Why the files differ, as far as the marker tells. */
function causeOf({ marker, tree }: PlannedRoot): string {
  if (marker === undefined) return "";
  return marker.tree === tree
    ? "; the files were changed in the container after that"
    : "; the local files are not those of that snapshot";
}

function wordOf({ op, replaces }: PlannedEntry): string {
  if (op === "chmod") return "other mode";
  return replaces === undefined ? "missing" : "differs";
}

function problemLines({ message, hint }: { readonly message: string; readonly hint: string }, paint: Paint) {
  return [
    `      ${paint("red", "cannot be compared")}: ${clean(message)}`,
    `        ${paint("cyan", "hint:")} ${clean(hint)}`,
  ];
}
