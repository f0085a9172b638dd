import { isKinsyncError } from "@kinsync/core/contract";
import type { WorkloadStatus } from "../../control/protocol.ts";
import { EXIT } from "../../exit-code.ts";
import type { Io } from "../../io.ts";
import { createPaint } from "../../render/color.ts";
import type { SyncOptions } from "../../setup/options.ts";
import { ask, type AskOptions } from "./ask.ts";
import { formatStatus } from "./format-status.ts";

/** Shows what a running `up` knows of its targets. Without one: what the containers say, if the config or the flags name them. */
export async function runStatus(options: AskOptions, sync: SyncOptions, io: Io): Promise<number> {
  try {
    return await askStatus(options, io);
  } catch (error) {
    const isAbsent = isKinsyncError(error) && error.code === "KINSYNC_CONTROL_NO_RUN" && options.run === undefined;
    if (!isAbsent) throw error;
    const { runMarkers } = await import("../verify/markers.ts");
    try {
      return await runMarkers(options.workload === undefined ? [] : [options.workload], sync, io);
    } catch (failure) {
      // Nothing says which containers are meant.
      throw isKinsyncError(failure) && failure.code === "KINSYNC_USAGE" ? error : failure;
    }
  }
}

async function askStatus(options: AskOptions, io: Io): Promise<number> {
  const paint = createPaint(io.stdout, io.env, options.color);
  const { workloads } = await ask(
    options,
    io,
    (client, selection) => client.ask<"status">({ command: "status", ...selection }, io.signal),
    (result) => result.workloads.flatMap((each) => formatStatus(each, paint)),
  );
  const targets = workloads.flatMap((each) => each.targets);
  if (targets.length === 0) return EXIT.nothing;
  if (workloads.some(({ before }) => before?.phase === "failed")) return EXIT.behind;
  if (workloads.some(({ unread }) => unread !== undefined)) return EXIT.behind;
  // Not every container should hold the newest snapshot: its gang could not release it, or not yet.
  if (workloads.some(({ gang }) => gang !== undefined)) return EXIT.behind;
  if (workloads.some(({ local = [] }) => local.length > 0)) return EXIT.behind;
  return targets.every(isDone) ? EXIT.done : EXIT.behind;
}

/** It holds the released snapshot, and the commands that follow have succeeded. */
function isDone({ status, runs = [], failedRuns = [] }: WorkloadStatus["targets"][number]): boolean {
  return status === "synced" && runs.length + failedRuns.length === 0;
}
