import type { Member, Resolution, SharedMount, WorkloadTree } from "@kinsync/core";
import { EXIT } from "../exit-code.ts";
import type { Io } from "../io.ts";
import { createPaint } from "../render/color.ts";
import type { Paint } from "../render/color.ts";
import { formatColumns } from "../render/columns.ts";
import { shorten, widthOf, wrap } from "../render/fit.ts";
import { describeMembers } from "../render/members.ts";
import { stateWord } from "../render/state.ts";
import { clean, cleanData } from "../render/text.ts";
import { readWorkload } from "../setup/read-workload.ts";
import type { ClusterOptions } from "../setup/options.ts";

/** Shows the members of a workload, and what the kind says of each. Only reads. */
export async function runTree(workload: string, options: ClusterOptions, io: Io): Promise<number> {
  const { resolveOnce, treeOf } = await import("@kinsync/core");
  const { resolution, transport } = await readWorkload(
    workload,
    options,
    io,
    async ({ found, transport: of, ...rest }) => ({
      resolution: await resolveOnce({ ...rest, ref: found.ref, kind: found.kind, signal: io.signal }),
      transport: of,
    }),
  );
  const tree = treeOf(resolution, transport === undefined ? {} : { transport });
  const [problem] = resolution.problems;
  // Without a single member the problem is the answer.
  if (problem !== undefined && resolution.members.length === 0) throw problem;
  if (options.json) {
    io.stdout.write(`${JSON.stringify(cleanData(tree))}\n`);
    return EXIT.done;
  }
  const paint = createPaint(io.stdout, io.env, options.color);
  const width = io.stdout.isTTY === true ? (io.stdout.columns ?? 80) : undefined;
  for (const line of formatTree(resolution, tree, paint, width)) io.stdout.write(`${line}\n`);
  return EXIT.done;
}

/**
 * A workload and its members as lines.
 * @param width of the terminal: long texts are below their row; `undefined` without one: a row is one line
 */
function formatTree(
  resolution: Resolution,
  tree: WorkloadTree,
  paint: Paint,
  width: number | undefined,
): readonly string[] {
  const { workload, root, kind, problems } = resolution;
  const said = describeMembers(resolution);
  return [
    ...wrap(
      formatTitle({ kind: workload.resource.kind, rule: kind, uid: root?.metadata.uid, ...workload }, paint),
      width ?? Number.POSITIVE_INFINITY,
    ),
    ...(said === undefined ? [] : [paint("yellow", said)]),
    ...(width === undefined ? formatTable(resolution, paint) : formatRows(resolution, paint, width)),
    ...sharedLines(tree),
    ...problems.map((problem) => formatProblem(problem, paint)),
  ];
}

/** One line a member, for logs and other programs. */
function formatTable({ members }: Resolution, paint: Paint): readonly string[] {
  if (members.length === 0) return [];
  const hasLabels = members.some(({ labels }) => Object.keys(labels).length > 0);
  const withLabels = (cells: readonly string[], labels: string): readonly string[] =>
    hasLabels ? [...cells.slice(0, -1), labels, ...cells.slice(-1)] : cells;
  const head = ["MEMBER", "ROLE", "INDEX", "STATE", "CONTAINERS", "REASON"];
  return formatColumns([
    withLabels(head, "LABELS").map((each) => paint("dim", each)),
    ...members.map((member) => {
      const { name, role = "", index = "", state } = member;
      const cells = [clean(name), clean(role), clean(index), stateWord(state, paint)];
      return withLabels([...cells, containersOf(member), reasonOf(member)], labelsOf(member));
    }),
  ]);
}

/** For a terminal: short columns, and below each row what may be long, in full. */
function formatRows({ members }: Resolution, paint: Paint, width: number): readonly string[] {
  if (members.length === 0) return [];
  const columns = ["MEMBER", "ROLE", "INDEX", "STATE", "CONTAINERS"];
  const rows = members.map((member) => [
    clean(member.name),
    clean(member.role ?? ""),
    clean(member.index ?? ""),
    stateWord(member.state, paint),
    member.containers.map(({ name }) => clean(name)).join(", "),
  ]);
  const used = columns.map((_, column) => column === 0 || rows.some((row) => row[column] !== ""));
  const shown = [columns.map((each) => paint("dim", each)), ...rows].map((row) =>
    row.filter((_, column) => used[column]),
  );
  const rest = Math.max(...formatColumns(shown.map((row) => row.slice(1))).map(widthOf));
  const room = Math.max(MIN_NAME, width - rest - 2);
  const [head = "", ...lines] = formatColumns(shown.map(([name = "", ...cells]) => [shorten(name, room), ...cells]));
  return [
    head,
    ...members.flatMap((member, index) => [
      lines[index] ?? "",
      ...wrap(reasonOf(member), width, 4),
      ...member.containers.flatMap(({ name, runningId, waiting }) =>
        runningId === undefined ? wrap(`${clean(name)}: ${clean(waiting ?? "not running")}`, width, 4) : [],
      ),
      ...(labelsOf(member) === "" ? [] : wrap(`labels: ${labelsOf(member)}`, width, 4)),
    ]),
  ];
}

/** Columns that a member's name gets at least. */
const MIN_NAME = 16;

function reasonOf({ reason, by }: Member): string {
  return `${clean(reason.message)}${by === "labels" ? " (taken by its labels)" : ""}`;
}

/** `app=web, tier=front`: the labels that the kind names. */
function labelsOf({ labels }: Member): string {
  return Object.entries(labels)
    .map(([key, value]) => `${clean(key)}=${clean(value)}`)
    .join(", ");
}

/** The folders that members share, each once. */
function sharedLines({ members }: WorkloadTree): readonly string[] {
  const lines = members.flatMap(({ targets }) => targets.flatMap(({ shared }) => shared.map(formatShared)));
  return [...new Set(lines)];
}

/** `/app/src is shared by 3 members (pvc:ml/code:/)`. */
export function formatShared({ path, place, members, containers }: SharedMount): string {
  const by = members > 1 ? `${members} members` : `${containers} containers`;
  return `${clean(path)} is shared by ${by} (${clean(place)})`;
}

export interface Title {
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  readonly uid: string | undefined;
  /** Name of the kind that judged. */
  readonly rule: string | undefined;
}

/** `JobSet train  namespace default, uid 3f…, judged by the kind jobset`. */
export function formatTitle({ kind, name, namespace, uid, rule }: Title, paint: Paint): string {
  const judge =
    rule === undefined
      ? "no plugin for this kind: every running pod that it owns gets the files"
      : `kind plugin ${clean(rule)}`;
  return `${paint("bold", `${clean(kind)} ${clean(name)}`)}  namespace ${clean(namespace)}, uid ${clean(uid ?? "none")}, ${judge}`;
}

/** A problem that makes an answer incomplete. */
export function formatProblem(
  problem: { readonly code: string; readonly message: string; readonly hint: string },
  paint: Paint,
): string {
  return `${paint("cyan", "note")} ${problem.code}: ${clean(problem.message)}\n  ${paint("cyan", "hint:")} ${clean(problem.hint)}`;
}

function containersOf({ containers }: Member): string {
  return containers
    .map(({ name, runningId, waiting }) =>
      runningId === undefined ? `${clean(name)} (${clean(waiting ?? "not running")})` : clean(name),
    )
    .join(", ");
}
