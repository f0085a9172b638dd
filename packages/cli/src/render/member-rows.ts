import type { EngineView, TargetView } from "@kinsync/core";
import type { Paint } from "./color.ts";
import { causeOf } from "./causes.ts";
import { pad, shorten, widthOf, wrap } from "./fit.ts";
import { stateWord } from "./state.ts";
import { statusWord } from "./status.ts";
import { clean } from "./text.ts";
import { duration } from "./units.ts";

type WorkloadView = EngineView["workloads"][number];

const INDENT = "  ";
const MIN_NAME = 16;

interface MemberRow {
  readonly name: string;
  /** From left to right; those at the end are left out first where the terminal is narrow. */
  readonly cells: readonly string[];
  readonly cause: string;
}

/** A row for each target of a workload, and for each member without one, with its cause below. */
export function formatMemberRows(workload: WorkloadView, paint: Paint, width: number): readonly string[] {
  const rows = rowsOf(workload, paint);
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(0, ...rows.map(({ cells }) => widthOf(cells[column] ?? ""))));
  const wanted = Math.max(0, ...rows.map(({ name }) => widthOf(name)));
  let shown = widths.length;
  const rest = (): number =>
    widths.slice(0, shown).reduce((sum, each) => sum + (each === 0 ? 0 : each + 2), INDENT.length);
  while (shown > 1 && width - rest() < Math.min(wanted, MIN_NAME)) shown -= 1;
  const nameWidth = Math.min(wanted, Math.max(MIN_NAME, width - rest()));
  return rows.flatMap(({ name, cells, cause }) => {
    const columns = cells.slice(0, shown).flatMap((cell, column) => {
      const size = widths[column] ?? 0;
      return size === 0 ? [] : [pad(cell, size)];
    });
    const line = `${INDENT}${[pad(shorten(name, nameWidth), nameWidth), ...columns].join("  ")}`.trimEnd();
    if (cause === "") return [line];
    return [line, ...wrap(cause, width, INDENT.length * 2)];
  });
}

function rowsOf({ resolution, targets, snapshot }: WorkloadView, paint: Paint): readonly MemberRow[] {
  const byUid = Map.groupBy(targets, ({ uid }) => uid);
  return (resolution?.members ?? []).flatMap((member): MemberRow[] => {
    const part = [member.role, member.index]
      .filter((each) => each !== undefined)
      .map(clean)
      .join(" ");
    const state = stateWord(member.state, paint);
    const own = byUid.get(member.uid) ?? [];
    const name = clean(member.name);
    if (own.length === 0) return [{ name, cells: ["", part, state, "", ""], cause: clean(member.reason.message) }];
    return own.map((target) => ({
      name: own.length === 1 ? name : `${name} [${clean(target.container)}]`,
      cells: [
        statusWord(target.status, paint),
        part,
        target.duration === undefined ? "" : duration(target.duration),
        target.snapshot === undefined || target.snapshot === snapshot ? "" : `snapshot ${target.snapshot}`,
        state,
      ],
      cause: target.status === "synced" ? sharedBy(target) : causeOf(target.reason, target),
    }));
  });
}

/** `shares its files with 2 other members`, for the first of its shared folders. */
function sharedBy({ shared = [] }: TargetView): string {
  const [first] = shared;
  if (first === undefined) return "";
  return first.members > 1 ? `shared by ${first.members} members` : `shared by ${first.sharedWith + 1} containers`;
}
