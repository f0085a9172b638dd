import type { PlannedWorkload, ProjectPlanOptions } from "@kinsync/core/project";
import type { Io } from "../../io.ts";
import { createPaint, type Paint } from "../../render/color.ts";
import { cleanData } from "../../render/text.ts";
import type { SyncOptions } from "../../setup/options.ts";
import { projectOptions } from "../../setup/project.ts";

export interface PrintPlanOptions extends SyncOptions {
  readonly compare: NonNullable<ProjectPlanOptions["compare"]>;
  /** First fields of the object for `-o json`. Default: none. */
  readonly fields?: Readonly<Record<string, string>>;
  readonly format: (planned: readonly PlannedWorkload[], paint: Paint) => readonly string[];
}

/** Compares the containers with the local files, prints the result, and changes nothing in them. */
export async function printPlan(
  workloads: readonly string[],
  options: PrintPlanOptions,
  io: Io,
): Promise<readonly PlannedWorkload[]> {
  const { openProject } = await import("@kinsync/core/project");
  const { sync, container, roles, initial, allowEmpty, compare, fields, format } = options;
  await using project = await openProject({
    ...projectOptions(options, io, { workloads, sync, container, roles, initial }),
    access: "plan",
  });
  const planned = await project.plan({ allowEmpty, compare, signal: io.signal });
  if (options.json) {
    const { context, server } = project.cluster;
    io.stdout.write(`${JSON.stringify(cleanData({ ...fields, context, server, workloads: planned }))}\n`);
  } else {
    const paint = createPaint(io.stdout, io.env, options.color);
    for (const line of format(planned, paint)) io.stdout.write(`${line}\n`);
  }
  return planned;
}
