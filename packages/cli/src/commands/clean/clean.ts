import type { CleanedRoot, CleanResult, LeftBehind } from "@kinsync/core/project";
import { EXIT } from "../../exit-code.ts";
import type { Io } from "../../io.ts";
import { createPaint, type Paint } from "../../render/color.ts";
import { readLine } from "../../render/deletes-question.ts";
import { clean, cleanData } from "../../render/text.ts";
import { count } from "../../render/units.ts";
import type { SyncOptions } from "../../setup/options.ts";
import { projectOptions } from "../../setup/project.ts";

/** Paths that are shown for one folder. */
const MAX_PATHS = 10;

export interface CleanCommandOptions extends SyncOptions {
  /** Keep the placed files. */
  readonly stateOnly: boolean;
  /** Remove without a question. */
  readonly yes: boolean;
}

/**
 * Lists what kinsync left in the containers, asks, and removes it. Exit code 0 where nothing is left, 3 where something had to stay, 2
 * where nobody could be asked.
 */
export async function runClean(workloads: readonly string[], options: CleanCommandOptions, io: Io): Promise<number> {
  const { openProject } = await import("@kinsync/core/project");
  const { sync, container, roles, stateOnly } = options;
  await using project = await openProject({
    ...projectOptions(options, io, { workloads, sync, container, roles }),
    access: "write",
  });
  let isUnasked = false;
  const confirm = async (left: readonly LeftBehind[]): Promise<boolean> => {
    if (!options.json) for (const line of formatLeft(left, stateOnly)) io.stdout.write(`${line}\n`);
    if (options.yes) return true;
    const answer = options.json ? undefined : await ask(io);
    isUnasked = answer === undefined;
    return answer === true;
  };
  const result = await project.clean({ stateOnly, confirm, signal: io.signal });
  report(result, options, io);
  if (isUnasked) {
    const { KinsyncError } = await import("@kinsync/core/contract");
    throw new KinsyncError("KINSYNC_USAGE", "Nothing was removed: nobody can be asked here", {
      hint: "To remove what is listed, pass --yes.",
    });
  }
  const hasFailed = result.problems.length > 0 || result.roots.some(({ status }) => status === "failed");
  return hasFailed || result.roots.some(({ status }) => status === "kept") ? EXIT.behind : EXIT.done;
}

/** `undefined` where nobody can be asked. */
async function ask({ stdin, stdout, env, signal }: Io): Promise<boolean | undefined> {
  if (stdin?.isTTY !== true || stdout.isTTY !== true || (env["CI"] ?? "") !== "") return undefined;
  stdout.write("Remove them? [y/N] ");
  const answer = await readLine(stdin, signal);
  if (answer === undefined) stdout.write("\n");
  return /^y(?:es)?$/i.test(answer?.trim() ?? "");
}

/** Names a pod, and its namespace where several occur. */
type NameOfPod = (root: LeftBehind) => string;

function namesIn(roots: readonly LeftBehind[]): NameOfPod {
  const isOne = new Set(roots.map(({ namespace }) => namespace)).size < 2;
  return ({ pod, container, namespace }) => `pod/${pod}${isOne ? "" : ` (${namespace})`} [${container}]`;
}

/** Containers with the same content are one entry. */
function formatLeft(left: readonly LeftBehind[], stateOnly: boolean): readonly string[] {
  const nameOf = namesIn(left);
  const groups = Map.groupBy(
    left.filter(({ problem }) => problem === undefined),
    ({ to, placed, owner }) => JSON.stringify([to, placed, owner]),
  );
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { placed, owner } = first;
    const by = owner === undefined ? "" : `, last written by ${owner.name} (run of ${owner.since})`;
    const what = stateOnly ? "" : `${count(placed.length, "path")} and `;
    const shown = stateOnly ? [] : placed.slice(0, MAX_PATHS).map((path) => `  - ${clean(path)}`);
    const more = stateOnly || placed.length <= MAX_PATHS ? [] : [`  and ${placed.length - MAX_PATHS} more`];
    const { where, names } = placesOf(group, nameOf);
    return [clean(`${where}: ${what}its .kinsync folder${by}`), ...names, ...shown, ...more];
  });
}

/** `pod/web [main] /app/src`; of several containers the path and their number, and a line with each of them. */
function placesOf(
  group: readonly LeftBehind[],
  nameOf: NameOfPod,
): { readonly where: string; readonly names: readonly string[] } {
  const [first, ...others] = group.map(nameOf);
  const to = group[0]?.to ?? "";
  if (others.length === 0) return { where: `${first} ${to}`, names: [] };
  return { where: `${to} in ${group.length} containers`, names: [`  in ${clean([first, ...others].join(", "))}`] };
}

function report(result: CleanResult, { json, color }: CleanCommandOptions, io: Io): void {
  if (json) {
    io.stdout.write(`${JSON.stringify(cleanData(result))}\n`);
    return;
  }
  const paint = createPaint(io.stdout, io.env, color);
  const groups = Map.groupBy(result.roots, ({ to, status, problem }) => JSON.stringify([to, status, problem]));
  const nameOf = namesIn(result.roots);
  for (const group of groups.values()) {
    for (const line of formatRoots(group, nameOf, paint)) io.stdout.write(`${line}\n`);
  }
  for (const { code, message, hint } of result.problems) {
    io.stdout.write(
      `${paint("red", "failed")} ${code}: ${clean(message)}\n  ${paint("cyan", "hint:")} ${clean(hint)}\n`,
    );
  }
  if (result.roots.length === 0 && result.problems.length === 0)
    io.stdout.write("kinsync left nothing in these containers\n");
}

/** Roots with one path and one outcome. */
function formatRoots(group: readonly CleanedRoot[], nameOf: NameOfPod, paint: Paint): readonly string[] {
  const [first] = group;
  if (first === undefined) return [];
  const { status, problem } = first;
  const { where } = placesOf(group, nameOf);
  if (status === "removed") return [`${paint("green", "cleaned")} ${clean(where)}`];
  if (problem === undefined) return [`${paint("yellow", "kept")} ${clean(where)}`];
  return [
    `${paint("red", "failed")} ${problem.code}: ${clean(problem.message)}`,
    `  ${paint("cyan", "hint:")} ${clean(problem.hint)}`,
  ];
}
