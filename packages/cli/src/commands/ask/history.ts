import type { HistorySnapshot, WorkloadHistory } from "@kinsync/core";
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

function formatHistory({ workload, namespace, current, snapshots }: WorkloadHistory, paint: Paint): readonly string[] {
  const rows = snapshots.toReversed().map((each) => rowOf(each, current));
  const head = ["  SNAPSHOT", "TIME", "BY", "FILES", "SIZE", "CHANGED", "HELD BY", ""];
  const [first = "", ...rest] = formatColumns([head, ...rows]);
  return [
    `${paint("bold", clean(workload))} in namespace ${clean(namespace)}`,
    ...(snapshots.length === 0 ? ["  no snapshot was released yet"] : [paint("dim", first), ...rest]),
  ];
}

function rowOf(each: HistorySnapshot, current: number): readonly string[] {
  const { number, time, origin, of, files, bytes: size, changed, paths, targets } = each;
  return [
    `${number === current ? "*" : " "} ${number}`,
    timeOfDay(time),
    of === undefined ? origin : `${origin} to ${of}`,
    String(files),
    bytes(size),
    String(changed),
    count(targets.length, "container"),
    clean(paths.slice(0, 3).join(", ")) + (changed > 3 ? ", ..." : ""),
  ];
}
