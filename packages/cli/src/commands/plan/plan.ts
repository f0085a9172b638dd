import type { PlannedTarget, PlannedWorkload } from "@kinsync/core/project";
import { EXIT } from "../../exit-code.ts";
import type { Io } from "../../io.ts";
import type { SyncOptions } from "../../setup/options.ts";
import { isIncomplete } from "./incomplete.ts";
import { printPlan } from "./print-plan.ts";
import { formatPlan } from "./format-plan.ts";

export interface PlanOptions extends SyncOptions {
  /** Exit with 3 if a container differs from the local files. */
  readonly exitCode: boolean;
}

/** Shows what `sync` would do. Reads the containers, and changes nothing in them. */
export async function runPlan(workloads: readonly string[], options: PlanOptions, io: Io): Promise<number> {
  const planned = await printPlan(
    workloads,
    {
      ...options,
      compare: "plan",
      format: (all, paint) => all.flatMap((each) => formatPlan(each, options, paint)),
    },
    io,
  );
  return exitCodeOfPlan(planned, options.exitCode);
}

/** 3 where a sync would fail, 4 where there is no container, else 0; with `--exit-code` also 3 where anything differs. */
function exitCodeOfPlan(workloads: readonly PlannedWorkload[], isStrict: boolean): number {
  const targets = workloads.flatMap((each) => each.targets);
  const isHalted = workloads.some(({ sources }) => sources.some(isIncomplete));
  if (isHalted || targets.some(({ status }) => status === "failed")) return EXIT.behind;
  if (!targets.some(({ status }) => status === "planned")) return EXIT.nothing;
  return isStrict && targets.some((target) => isDifferent(target)) ? EXIT.behind : EXIT.done;
}

function isDifferent({ status, roots }: PlannedTarget): boolean {
  return status !== "planned" || roots.some(({ written, deleted }) => written.length + deleted.length > 0);
}
