import type { PlannedTarget, PlannedWorkload } from "@kinsync/core/project";
import { EXIT } from "../../exit-code.ts";
import type { Io } from "../../io.ts";
import type { SyncOptions } from "../../setup/options.ts";
import { isIncomplete } from "../plan/incomplete.ts";
import { printPlan } from "../plan/print-plan.ts";
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
  const found = await printPlan(
    workloads,
    { ...options, compare: "files", format: (all, paint) => all.flatMap((each) => formatVerify(each, paint)) },
    io,
  );
  return exitCodeOf(found);
}

/** 0: every container holds the local files; 3: one does not, or cannot be read, or does not run; 4: there is none. */
function exitCodeOf(workloads: readonly PlannedWorkload[]): number {
  const targets = workloads.flatMap((each) => each.targets);
  const isHalted = workloads.some(({ sources }) => sources.some(isIncomplete));
  if (targets.length === 0) return EXIT.nothing;
  return isHalted || !targets.every(holdsLocalFiles) ? EXIT.behind : EXIT.done;
}

function holdsLocalFiles({ status, roots }: PlannedTarget): boolean {
  return status === "planned" && roots.every(({ written, deleted }) => written.length + deleted.length === 0);
}
