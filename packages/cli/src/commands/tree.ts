import type { Member, Resolution, SharedMount, WorkloadTree } from "@kinsync/core";
import { EXIT } from "../exit-code.ts";
import type { Io } from "../io.ts";
import { createPaint } from "../render/color.ts";
import type { Paint } from "../render/color.ts";
import { formatColumns } from "../render/columns.ts";
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
  for (const line of formatTree(resolution, tree, paint)) io.stdout.write(`${line}\n`);
  return EXIT.done;
}

/** A workload and its members as lines. */
function formatTree(resolution: Resolution, tree: WorkloadTree, paint: Paint): readonly string[] {
  const { workload, root, kind, members, problems } = resolution;
  const said = describeMembers(resolution);
  const rows = members.map((member) => [
    clean(member.name),
    clean(member.role ?? ""),
    clean(member.index ?? ""),
    stateWord(member.state, paint),
    containersOf(member),
    `${clean(member.reason.message)}${member.by === "labels" ? " (taken by its labels)" : ""}`,
  ]);
  const head = ["MEMBER", "ROLE", "INDEX", "STATE", "CONTAINERS", "REASON"].map((each) => paint("dim", each));
  return [
    formatTitle({ kind: workload.resource.kind, rule: kind, uid: root?.metadata.uid, ...workload }, paint),
    ...(said === undefined ? [] : [paint("yellow", said)]),
    ...(rows.length === 0 ? [] : formatColumns([head, ...rows])),
    ...sharedLines(tree),
    ...problems.map((problem) => formatProblem(problem, paint)),
  ];
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
