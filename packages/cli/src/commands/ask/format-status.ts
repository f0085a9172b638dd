import type { WorkloadStatus } from "../../control/protocol.ts";
import type { Paint } from "../../render/color.ts";
import { formatColumns } from "../../render/columns.ts";
import { formatPrepared } from "../../render/gang.ts";
import { statusWord } from "../../render/status.ts";
import { formatReach, formatUnread } from "../../render/summary.ts";
import { clean, cleanLines } from "../../render/text.ts";
import { count } from "../../render/units.ts";

/** Paths that are named of the changes that wait. */
const NAMED_PATHS = 5;

const HELD: Readonly<Record<string, string>> = {
  manual: "mode manual; `kinsync trigger` releases them",
  paused: "paused; `kinsync resume` releases them",
  undone: "an earlier snapshot was released; `kinsync trigger` or, in mode auto, the next save releases them",
};

/** One workload and its targets. */
export function formatStatus(status: WorkloadStatus, paint: Paint): readonly string[] {
  const { workload, namespace, snapshot, gang, held, pending, before, local = [], unread, targets } = status;
  const synced = targets.filter((target) => target.status === "synced").length;
  const title = `${paint("bold", clean(workload))} in namespace ${clean(namespace)}: snapshot ${snapshot}`;
  const rows = targets.map((target) => [
    `  ${clean(`pod/${target.pod}`)}`,
    clean(target.container),
    statusWord(target.status, paint),
    target.snapshot === undefined ? "-" : `snapshot ${target.snapshot}`,
    clean(target.reason),
  ]);
  return [
    `${title}, ${formatReach(synced, targets.length, paint)}`,
    ...formatColumns(rows),
    ...targets.flatMap((target) => runLines(target, paint)),
    ...targets.flatMap((target) => failedRunLines(target, paint)),
    ...local.map(
      ({ what, command, phase }) => `  ${phaseWord(phase, paint)} on this machine: ${WHAT[what]}: ${clean(command)}`,
    ),
    ...(gang === undefined
      ? []
      : [`  ${paint("yellow", `snapshot ${gang.snapshot} (${gang.phase})`)}: ${formatPrepared(gang)}`]),
    ...(held === undefined || pending !== undefined ? [] : [`  saves wait: ${clean(HELD[held] ?? held)}`]),
    ...(pending === undefined ? [] : [`  ${paint("yellow", formatPending(pending, held))}`]),
    ...(before === undefined
      ? []
      : [
          `  ${paint(before.phase === "failed" ? "red" : "yellow", `saves wait for hooks.before`)}: ${clean(before.reason)}`,
        ]),
    ...(unread === undefined ? [] : unreadLines(unread, paint)),
  ];
}

/** Local paths that cannot be read, each with its reason and what to do. */
function unreadLines({ count: total, paths }: NonNullable<WorkloadStatus["unread"]>, paint: Paint): readonly string[] {
  const named = paths.slice(0, NAMED_PATHS);
  return [
    `  ${paint("red", formatUnread(total))}, so no container has their newest content:`,
    ...named.map(({ reason, hint }) => `    ${clean(reason)}. ${clean(hint)}`),
    ...(total > named.length ? [`    … and ${total - named.length} more`] : []),
  ];
}

const WHAT = { after: "hooks.after", rebuild: "rebuild" } as const;

function phaseWord(phase: "waiting" | "running" | "failed", paint: Paint): string {
  return phase === "failed"
    ? paint("red", "command failed")
    : paint("yellow", phase === "running" ? "command runs" : "command waits");
}

/** Commands that wait or run in a target. */
function runLines({ pod, runs = [] }: WorkloadStatus["targets"][number], paint: Paint): readonly string[] {
  return runs.map(({ command, phase }) => `  ${phaseWord(phase, paint)} in ${clean(pod)}: ${clean(command)}`);
}

/** Commands that failed in a target, with their last lines. */
function failedRunLines({ pod, failedRuns = [] }: WorkloadStatus["targets"][number], paint: Paint): readonly string[] {
  return failedRuns.flatMap(({ command, reason, output }) => [
    `  ${paint("red", "command failed")} in ${clean(pod)}: ${clean(command)}: ${clean(reason)}`,
    ...(output === ""
      ? []
      : cleanLines(output)
          .split("\n")
          .map((line) => `    | ${line}`)),
  ]);
}

function formatPending({ changed, paths }: NonNullable<WorkloadStatus["pending"]>, held = ""): string {
  const more = changed > NAMED_PATHS ? `, and ${changed - NAMED_PATHS} more` : "";
  const named = paths.slice(0, NAMED_PATHS).map(clean).join(", ");
  return `${count(changed, "change waits", "changes wait")} (${HELD[held] ?? clean(held)}): ${named}${more}`;
}
