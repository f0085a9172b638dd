import type { HistoryCandidate, HistorySnapshot, WorkloadHistory } from "@kinsync/core";
import { EXIT } from "../../exit-code.ts";
import type { Io } from "../../io.ts";
import { createPaint, type Paint } from "../../render/color.ts";
import { formatColumns } from "../../render/columns.ts";
import { clean } from "../../render/text.ts";
import { bytes, count, timeOfDay } from "../../render/units.ts";
import { ask, type AskOptions } from "./ask.ts";

/** Lists the snapshots that a running `up` released, the newest first. */
export async function runHistory(options: AskOptions, io: Io): Promise<number> {
  const paint = createPaint(io.stdout, io.env, options.color);
  await ask(
    options,
    io,
    (client, selection) => client.ask<"history">({ command: "history", ...selection }, io.signal),
    ({ workloads }) => workloads.flatMap((each) => formatHistory(each, paint)),
  );
  return EXIT.done;
}

function formatHistory(history: WorkloadHistory, paint: Paint): readonly string[] {
  const { workload, namespace, current, snapshots, candidates } = history;
  const rows = [
    ...candidates.toReversed().map((each) => rowOf(each, " ", CANDIDATE[each.phase])),
    ...snapshots
      .toReversed()
      .map((each) => rowOf(each, each.number === current ? "*" : " ", count(each.targets.length, "container"))),
  ];
  const head = ["  SNAPSHOT", "TIME", "BY", "FILES", "SIZE", "CHANGED", "HELD BY", ""];
  const [first = "", ...rest] = formatColumns([head, ...rows]);
  return [
    `${paint("bold", clean(workload))} in namespace ${clean(namespace)}`,
    ...(rows.length === 0 ? ["  no snapshot was released yet"] : [paint("dim", first), ...rest]),
  ];
}

/** Why no container holds a candidate. */
const CANDIDATE: Readonly<Record<HistoryCandidate["phase"], string>> = {
  waiting: "not released: it waits",
  preparing: "not released: preparing",
  held: "not released: held",
  "given-up": "not released: given up",
  // These follow a release.
  released: "released",
  committed: "released",
  "rolled-back": "released",
};

function rowOf(each: Omit<HistorySnapshot, "targets">, mark: string, heldBy: string): readonly string[] {
  const { number, time, origin, of, files, bytes: size, changed, paths } = each;
  return [
    `${mark} ${number}`,
    timeOfDay(time),
    of === undefined ? origin : `${origin} to ${of}`,
    String(files),
    bytes(size),
    String(changed),
    heldBy,
    clean(paths.slice(0, 3).join(", ")) + (changed > 3 ? ", ..." : ""),
  ];
}
