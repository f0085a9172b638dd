import type { PlannedRoot, PlannedTarget, PlannedWorkload } from "@kinsync/core/project";
import { EXIT } from "../../exit-code.ts";
import type { Io } from "../../io.ts";
import type { Paint } from "../../render/color.ts";
import { formatColumns } from "../../render/columns.ts";
import { clean } from "../../render/text.ts";
import { count } from "../../render/units.ts";
import type { SyncOptions } from "../../setup/options.ts";
import { isIncomplete } from "../plan/incomplete.ts";
import { printPlan } from "../plan/print-plan.ts";
import { writerOf } from "./writer-of.ts";

const HEAD =
  "No `kinsync up` of these workloads runs on this machine. From the markers in the containers (`kinsync verify` compares the files):";

/** Shows what the markers in the containers say: which run wrote there last, and whether it wrote the local files of now. */
export async function runMarkers(workloads: readonly string[], options: SyncOptions, io: Io): Promise<number> {
  const found = await printPlan(
    workloads,
    {
      ...options,
      compare: "markers",
      fields: { source: "containers" },
      format: (all, paint) => [HEAD, ...all.flatMap((each) => formatMarkers(each, paint))],
    },
    io,
  );
  const targets = found.flatMap((each) => each.targets);
  if (targets.length === 0) return EXIT.nothing;
  const isWhole = !found.some(({ sources }) => sources.some(isIncomplete));
  const isEqual = targets.every(({ status, roots }) => status === "planned" && roots.every(isSame));
  return isWhole && isEqual ? EXIT.done : EXIT.behind;
}

function formatMarkers({ workload, namespace, targets, problems }: PlannedWorkload, paint: Paint): readonly string[] {
  return [
    `${paint("bold", clean(workload))} in namespace ${clean(namespace)}: ${count(targets.length, "container")}`,
    ...formatColumns(targets.flatMap((target) => rowsOf(target, paint))),
    ...problems.map(({ code, message }) => `  ${paint("red", code)}: ${clean(message)}`),
  ];
}

function rowsOf(target: PlannedTarget, paint: Paint): readonly (readonly string[])[] {
  const names = [`  ${clean(`pod/${target.pod}`)}`, clean(target.container)];
  if (target.roots.length === 0) return [[...names, paint("yellow", target.status), clean(target.reason ?? "")]];
  return target.roots.map((root) => [...names, clean(root.to), stateOf(root, paint), writerOf(root)]);
}

function stateOf(root: PlannedRoot, paint: Paint): string {
  if (root.problem !== undefined) return paint("red", clean(root.problem.message));
  if (root.through !== undefined) return `written through ${clean(root.through)}`;
  if (root.marker === undefined) return paint("yellow", "nothing");
  return isSame(root) ? paint("green", "the local files") : paint("yellow", "other files than the local ones");
}

function isSame({ marker, tree, through, problem }: PlannedRoot): boolean {
  return problem === undefined && (through !== undefined || marker?.tree === tree);
}
