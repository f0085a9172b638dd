import type { Member, Resolution } from "@kinsync/core";
import { EXIT } from "../exit-code.ts";
import type { Io } from "../io.ts";
import { createPaint } from "../render/color.ts";
import type { Paint } from "../render/color.ts";
import { formatColumns } from "../render/columns.ts";
import { describeMembers } from "../render/members.ts";
import { stateWord } from "../render/state.ts";
import { clean, cleanData } from "../render/text.ts";
import { openCluster } from "../setup/cluster.ts";
import { lookAt } from "../setup/look.ts";
import type { ClusterOptions } from "../setup/options.ts";
import { loadSettings } from "../setup/plan.ts";

/** Shows the members of a workload, and what the kind says of each. Only reads. */
export async function runTree(workload: string, options: ClusterOptions, io: Io): Promise<number> {
  const settings = await loadSettings(options, io);
  const registry = await settings.plugins();
  await using cluster = await openCluster(options, io, { writes: false });
  const { resolution } = await lookAt(cluster, registry.kinds, workload, {
    namespace: options.namespace ?? settings.namespaceOf(workload, registry.kinds),
    signal: io.signal,
  });
  const [problem] = resolution.problems;
  // Without a single member the problem is the answer.
  if (problem !== undefined && resolution.members.length === 0) throw problem;
  if (options.json) {
    const { treeOf } = await import("@kinsync/core");
    io.stdout.write(`${JSON.stringify(cleanData(treeOf(resolution)))}\n`);
    return EXIT.done;
  }
  const paint = createPaint(io.stdout, io.env, options.color);
  for (const line of formatTree(resolution, paint)) io.stdout.write(`${line}\n`);
  return EXIT.done;
}

/** A workload and its members as lines. */
export function formatTree(resolution: Resolution, paint: Paint): readonly string[] {
  const { workload, root, kind, members, problems } = resolution;
  const rule = kind === undefined ? "no kind claims it: owned and alive is current" : `kind ${kind}`;
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
    `${paint("bold", `${workload.resource.kind} ${clean(workload.name)}`)}  namespace ${clean(workload.namespace)}, uid ${clean(root?.metadata.uid ?? "none")}, ${clean(rule)}`,
    ...(said === undefined ? [] : [paint("yellow", said)]),
    ...(rows.length === 0 ? [] : formatColumns([head, ...rows])),
    ...problems.map((problem) => `${paint("cyan", "note")}: ${problem.code}: ${clean(problem.message)}`),
  ];
}

function containersOf({ containers }: Member): string {
  return containers
    .map(
      ({ name, runningId, waiting }) =>
        `${clean(name)}${runningId === undefined ? ` (${clean(waiting ?? "not running")})` : ""}`,
    )
    .join(", ");
}
