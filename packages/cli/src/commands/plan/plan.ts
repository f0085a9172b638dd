import type { PlannedTarget, PlannedWorkload } from "@kinsync/core/project";
import { EXIT } from "../../exit-code.ts";
import type { Io } from "../../io.ts";
import { createPaint } from "../../render/color.ts";
import { cleanData } from "../../render/text.ts";
import type { SyncOptions } from "../../setup/options.ts";
import { projectOptions } from "../../setup/project.ts";
import { formatPlan } from "./format-plan.ts";

export interface PlanOptions extends SyncOptions {
  /** Exit with 3 if a container differs from the local files. */
  readonly exitCode: boolean;
}

/** Shows what `sync` would do. Reads the containers, and changes nothing in them. */
export async function runPlan(workloads: readonly string[], options: PlanOptions, io: Io): Promise<number> {
  const { openProject } = await import("@kinsync/core/project");
  const { sync, container, roles, initial, allowEmpty } = options;
  await using project = await openProject({
    ...projectOptions(options, io, { workloads, sync, container, roles, initial }),
    access: "plan",
  });
  const planned = await project.plan({ allowEmpty, signal: io.signal });
  if (options.json) {
    const { context, server } = project.cluster;
    io.stdout.write(`${JSON.stringify(cleanData({ context, server, workloads: planned }))}\n`);
  } else {
    const paint = createPaint(io.stdout, io.env, options.color);
    for (const line of planned.flatMap((each) => formatPlan(each, options, paint))) io.stdout.write(`${line}\n`);
  }
  return exitCodeOfPlan(planned, options.exitCode);
}

/** 3 where a sync would fail, 4 where there is no container, else 0; with `--exit-code` also 3 where anything differs. */
function exitCodeOfPlan(workloads: readonly PlannedWorkload[], isStrict: boolean): number {
  const targets = workloads.flatMap((each) => each.targets);
  const isHalted = workloads.some(({ sources }) => sources.some(({ halted }) => halted !== undefined));
  if (isHalted || targets.some(({ status }) => status === "failed")) return EXIT.behind;
  if (!targets.some(({ status }) => status === "planned")) return EXIT.nothing;
  return isStrict && targets.some((target) => isDifferent(target)) ? EXIT.behind : EXIT.done;
}

function isDifferent({ status, roots }: PlannedTarget): boolean {
  return status !== "planned" || roots.some(({ written, deleted }) => written.length + deleted.length > 0);
}
