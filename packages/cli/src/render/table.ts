import type { EngineView, TargetStatus, TargetView } from "@kinsync/core";
import { describeMembers } from "./members.ts";
import type { Paint } from "./color.ts";
import { formatColumns } from "./columns.ts";
import { stateWord } from "./state.ts";
import { statusWord } from "./status.ts";
import { cut } from "./cut.ts";
import { clean } from "./text.ts";
import { duration } from "./units.ts";
import { nameWorkload } from "./workload-names.ts";

export interface TableStyle {
  readonly paint: Paint;
  readonly width: number;
  /** At most so many members are shown. */
  readonly rows: number;
}

type WorkloadView = EngineView["workloads"][number];

/** One workload of a run as lines: a title, a row for each target and for each member without one. */
export function formatWorkload(
  workload: WorkloadView,
  all: readonly WorkloadView[],
  style: TableStyle,
): readonly string[] {
  const { paint } = style;
  const { resolution, namespace } = workload;
  const name = nameWorkload(
    { workload: workload.name, namespace },
    all.map((each) => ({ workload: each.name, namespace: each.namespace })),
  );
  const snapshot = workload.snapshot > 0 ? `  snapshot ${workload.snapshot}` : "";
  const title = `${paint("bold", name)}${snapshot}`;
  if (resolution === undefined) return [title, paint("dim", "  finding its pods")];
  const said = describeMembers(resolution);
  const rows = rowsOf(workload, resolution, paint);
  // Where not all fit, what needs attention comes first.
  const shown = rows.length <= style.rows ? rows : rows.toSorted((a, b) => a.rank - b.rank).slice(0, style.rows);
  const head = ["MEMBER", "ROLE", "STATE", "STATUS", "SNAPSHOT", "FILES", "LATENCY", ""].map((each) =>
    paint("dim", each),
  );
  const fixed = 85;
  const cells = shown.map(({ cells: [reason = "", ...rest] }) => [
    ...rest,
    cut(reason, Math.max(12, style.width - fixed)),
  ]);
  const hidden = rows.length - shown.length;
  return [
    said === undefined ? title : `${title}  ${paint("yellow", said)}`,
    ...(cells.length === 0 ? [] : formatColumns([head, ...cells])),
    ...(hidden > 0 ? [paint("dim", `… and ${hidden} more`)] : []),
  ];
}

interface Row {
  readonly rank: number;
  /** The reason first. */
  readonly cells: readonly string[];
}

function rowsOf(
  workload: WorkloadView,
  resolution: NonNullable<WorkloadView["resolution"]>,
  paint: Paint,
): readonly Row[] {
  const byUid = Map.groupBy(workload.targets, ({ uid }) => uid);
  return resolution.members.flatMap((member): Row[] => {
    const name = cut(clean(member.name), 30);
    const place = [member.role, member.index]
      .filter((each) => each !== undefined)
      .map(clean)
      .join(" ");
    const state = stateWord(member.state, paint);
    const targets = byUid.get(member.uid) ?? [];
    if (targets.length === 0) {
      return [{ rank: 3, cells: [clean(member.reason.message), name, place, state, paint("dim", "-"), "", "", ""] }];
    }
    return targets.map((target) => ({
      rank: RANKS[target.status],
      cells: [
        target.status === "synced" ? sharedBy(target) : clean(target.reason),
        targets.length === 1 ? name : `${name} [${clean(target.container)}]`,
        place,
        state,
        statusWord(target.status, paint),
        target.snapshot === undefined ? "-" : String(target.snapshot),
        String(target.files),
        latency(target),
      ],
    }));
  });
}

const RANKS: Readonly<Record<TargetStatus, number>> = {
  failed: 0,
  halted: 0,
  stale: 1,
  syncing: 1,
  accepted: 1,
  waiting: 2,
  synced: 4,
};

/** `shared by 3 members`, for the first of its shared folders. */
function sharedBy({ shared = [] }: TargetView): string {
  const [first] = shared;
  if (first === undefined) return "";
  return first.members > 1 ? `shared by ${first.members} members` : `shared by ${first.sharedWith + 1} containers`;
}

function latency(target: TargetView): string {
  return target.duration === undefined ? "-" : duration(target.duration);
}
