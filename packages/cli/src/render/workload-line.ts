import type { EngineView, TargetStatus } from "@kinsync/core";
import type { Paint } from "./color.ts";
import { lastingUnread } from "./causes.ts";
import { pad, shorten, widthOf } from "./fit.ts";
import { formatPrepared } from "./gang.ts";
import { describeMembers } from "./members.ts";
import { statusWord } from "./status.ts";
import { formatUnread } from "./summary.ts";
import { count, duration } from "./units.ts";
import { nameWorkload } from "./workload-names.ts";

type WorkloadView = EngineView["workloads"][number];

export interface WorkloadLineOptions {
  readonly paint: Paint;
  readonly width: number;
  /** Milliseconds that the last save took to reach its last container. */
  readonly latency: (workload: WorkloadView) => number | undefined;
  /** Commands of `run` that failed and have not succeeded since. */
  readonly failedRuns: (workload: WorkloadView) => number;
}

/** One workload on the screen. */
export interface WorkloadLine {
  readonly line: string;
  /** Why it has no containers, or not all; shown below in full. */
  readonly note: string | undefined;
  /** Everything is up to date. */
  readonly isFine: boolean;
}

/** Share of the width that a name gets before other columns give way. */
const NAME_SHARE = 0.45;

/** One calm line a workload: `train  snapshot 12  25/25 up to date  18 ms`, in columns. */
export function formatWorkloads(
  workloads: readonly WorkloadView[],
  { paint, width, latency, failedRuns }: WorkloadLineOptions,
): readonly WorkloadLine[] {
  const named = workloads.map(({ name, namespace }) => ({ workload: name, namespace }));
  const names = named.map((each) => nameWorkload(each, named));
  const cells = workloads.map((workload) => cellsOf(workload, paint, { latency, failedRuns }));
  const snapshotWidth = Math.max(...cells.map(({ snapshot }) => widthOf(snapshot)), 0);
  const reachWidth = Math.max(...cells.map(({ reach }) => widthOf(reach)), 0);
  const wanted = Math.max(...names.map(widthOf), 0);
  const room = width - reachWidth - GAP.length;
  // A narrow terminal does without the snapshot before a name loses its meaning.
  const withSnapshot = snapshotWidth > 0 && room - snapshotWidth - GAP.length >= Math.min(wanted, width * NAME_SHARE);
  const nameWidth = Math.min(wanted, Math.max(8, withSnapshot ? room - snapshotWidth - GAP.length : room));
  return cells.map(({ snapshot, reach, tails, note, isFine }, index) => {
    const line = [
      paint("bold", pad(shorten(names[index] ?? "", nameWidth), nameWidth)),
      ...(withSnapshot ? [paint("dim", pad(snapshot, snapshotWidth))] : []),
      pad(reach, reachWidth),
    ].join(GAP);
    // The rows below have what is left out here.
    const tail = tails.find((each) => widthOf(line) + GAP.length + widthOf(each) <= width);
    return { line: tail === undefined || tail === "" ? line.trimEnd() : `${line}${GAP}${tail}`, note, isFine };
  });
}

function cellsOf(
  workload: WorkloadView,
  paint: Paint,
  { latency, failedRuns }: Pick<WorkloadLineOptions, "latency" | "failedRuns">,
) {
  const { resolution, targets } = workload;
  const snapshot = workload.snapshot > 0 ? `snapshot ${workload.snapshot}` : "";
  if (resolution === undefined) {
    return { snapshot: "", reach: paint("dim", "finding its pods"), tails: [], note: undefined, isFine: false };
  }
  const note = describeMembers(resolution);
  if (targets.length === 0) {
    return { snapshot, reach: paint("yellow", "no containers"), tails: [], note: note ?? NO_RULE, isFine: false };
  }
  const counts = new Map<TargetStatus, number>();
  for (const { status } of targets) counts.set(status, (counts.get(status) ?? 0) + 1);
  const synced = counts.get("synced") ?? 0;
  const failed = failedRuns(workload);
  const { pending, gang } = workload;
  const unread = lastingUnread(workload.unread).count;
  const isFine = synced === targets.length && failed === 0 && unread === 0;
  const reach = `${synced}/${targets.length} up to date`;
  const took = latency(workload);
  const problems = [
    ...(unread === 0 ? [] : [paint("red", formatUnread(unread))]),
    ...(failed > 0 ? [paint("red", failed === 1 ? "1 command failed" : `command failed in ${failed}`)] : []),
    ...ORDER.flatMap((status) => {
      const number = counts.get(status);
      return number === undefined ? [] : [statusWord(status, paint, number)];
    }),
  ];
  const held = gang === undefined || gang.phase === "released" ? [] : [paint("yellow", formatPrepared(gang))];
  const waits = pending === undefined ? [] : [paint("yellow", count(pending.changed, "change waits", "changes wait"))];
  const calm = took === undefined ? [] : [paint("dim", duration(took))];
  const tails = isFine
    ? [[...held, ...waits, ...calm].join(GAP), ...held, ...waits, ...calm]
    : [
        [...held, ...problems, ...waits].join(GAP),
        [...problems, ...waits].join(GAP),
        problems.join(GAP),
        `${problems[0] ?? ""} …`,
      ];
  return { snapshot, reach: synced === targets.length ? paint("green", reach) : reach, tails, note, isFine };
}

const GAP = "  ";
const NO_RULE = "no sync rule applies to its pods; check roles, indexes, labels and container";
const ORDER: readonly TargetStatus[] = ["failed", "halted", "stale", "waiting", "syncing", "accepted"];
