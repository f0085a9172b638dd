import type { PlannedTarget, PlannedWorkload } from "@kinsync/core/project";
import { EXIT } from "../../exit-code.ts";
import type { Io } from "../../io.ts";
import { createPaint } from "../../render/color.ts";
import { cleanData } from "../../render/text.ts";
import type { SyncOptions } from "../../setup/options.ts";
import { projectOptions } from "../../setup/project.ts";
import { formatVerify } from "./format-verify.ts";

export interface VerifyOptions extends SyncOptions {
  /** Sync where something differs, and compare again. */
  readonly fix: boolean;
}

/**
 * Compares the files of every container with the local ones, by digest, whatever markers and `initial` say. Without `fix` it changes
 * nothing.
 */
export async function runVerify(workloads: readonly string[], options: VerifyOptions, io: Io): Promise<number> {
  const code = await compare(workloads, options, io);
  if (!options.fix || code !== EXIT.behind) return code;
  const { runSync } = await import("../sync.ts");
  const synced = await runSync(workloads, { ...options, initial: "verify" }, io);
  const after = await compare(workloads, options, io);
  return after === EXIT.done ? synced : after;
}

async function compare(workloads: readonly string[], options: VerifyOptions, io: Io): Promise<number> {
  const { openProject } = await import("@kinsync/core/project");
  const { sync, container, roles, allowEmpty } = options;
  await using project = await openProject({
    ...projectOptions(options, io, { workloads, sync, container, roles }),
    access: "plan",
  });
  const found = await project.plan({ allowEmpty, compare: "files", signal: io.signal });
  if (options.json) {
    const { context, server } = project.cluster;
    io.stdout.write(`${JSON.stringify(cleanData({ context, server, workloads: found }))}\n`);
  } else {
    const paint = createPaint(io.stdout, io.env, options.color);
    for (const line of found.flatMap((each) => formatVerify(each, paint))) io.stdout.write(`${line}\n`);
  }
  return exitCodeOf(found);
}

/** 0: every container holds the local files; 3: one does not, or cannot be read, or does not run; 4: there is none. */
function exitCodeOf(workloads: readonly PlannedWorkload[]): number {
  const targets = workloads.flatMap((each) => each.targets);
  const isHalted = workloads.some(({ sources }) => sources.some(({ halted }) => halted !== undefined));
  if (targets.length === 0) return EXIT.nothing;
  return isHalted || !targets.every(holdsLocalFiles) ? EXIT.behind : EXIT.done;
}

function holdsLocalFiles({ status, roots }: PlannedTarget): boolean {
  return status === "planned" && roots.every(({ written, deleted }) => written.length + deleted.length === 0);
}
