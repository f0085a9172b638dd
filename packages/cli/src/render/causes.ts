import type { EngineView, TargetStatus, TargetView } from "@kinsync/core";
import { clean } from "./text.ts";
import { withLocalTimes } from "./units.ts";

type WorkloadView = EngineView["workloads"][number];

/** Targets of one workload that need attention for one cause. */
export interface Problem {
  readonly status: TargetStatus | "command" | "unread";
  /** Names of pods, with the container where a pod has several targets. Of `unread`: `local files`. */
  readonly names: readonly string[];
  /** The cause in full, without the name of the target. */
  readonly cause: string;
  /** Another kinsync took the targets. */
  readonly isTaken: boolean;
}

/** A command of `run` that failed in a target and has not succeeded there since. */
export interface FailedRun {
  readonly pod: string;
  readonly command: string;
  readonly reason: string;
}

/** The worst first. */
export const RANKS: Readonly<Record<Problem["status"], number>> = {
  failed: 0,
  unread: 0,
  command: 1,
  halted: 2,
  stale: 3,
  waiting: 4,
  syncing: 5,
  accepted: 5,
  synced: 6,
};

/** A target that is only on its way needs nobody. */
const ON_ITS_WAY = new Set(["connecting", "reading the local files", ""]);

/** What needs attention, by cause, the worst first. Many targets with one cause are one entry. */
export function problemsOf(
  { targets, unread }: WorkloadView,
  failedRuns: readonly FailedRun[] = [],
): readonly Problem[] {
  const several = new Set<string>();
  const seen = new Set<string>();
  for (const { uid } of targets) (seen.has(uid) ? several : seen).add(uid);
  const found = [
    ...targets.filter(needsAttention).map((target) => ({
      status: target.status,
      name: several.has(target.uid) ? `${clean(target.pod)} [${clean(target.container)}]` : clean(target.pod),
      cause: causeOf(target.reason, target),
      isTaken: target.code === "KINSYNC_TARGET_TAKEN",
    })),
    ...failedRuns.map(({ pod, command, reason }) => ({
      status: "command" as const,
      name: clean(pod),
      cause: `${clean(command)}: ${clean(reason)}`,
      isTaken: false,
    })),
    ...lastingUnread(unread).paths.map(({ reason, hint }) => ({
      status: "unread" as const,
      name: "local files",
      cause: clean(`${reason}. ${hint}`),
      isTaken: false,
    })),
  ];
  const groups = Map.groupBy(found, ({ status, name, cause }) => `${status} ${withoutName(cause, name)}`);
  return [...groups.values()]
    .map((group): Problem => {
      const [first] = group;
      const { status = "failed", cause = "", name = "", isTaken = false } = first ?? {};
      return {
        status,
        names: group.map((each) => each.name),
        cause: group.length === 1 ? cause : withoutName(cause, name),
        isTaken,
      };
    })
    .toSorted((a, b) => RANKS[a.status] - RANKS[b.status]);
}

/** Without those that change faster than they can be read: they are read again by themselves, and a note names those that never rest. */
export function lastingUnread({ count, paths }: NonNullable<WorkloadView["unread"]> = { count: 0, paths: [] }) {
  const lasting = paths.filter(({ code }) => code !== "KINSYNC_SOURCE_CHANGED");
  return { count: count - (paths.length - lasting.length), paths: lasting };
}

function needsAttention({ status, reason }: TargetView): boolean {
  if (status === "waiting") return !ON_ITS_WAY.has(reason);
  return status === "failed" || status === "halted" || status === "stale";
}

/** The reason of a status without the name of its target in front: the row has it already. */
export function causeOf(reason: string, { pod, container }: Pick<TargetView, "pod" | "container">): string {
  const text = withLocalTimes(clean(reason).replace(/^waiting: /, ""));
  for (const prefix of [`pod/${pod}, container ${container}: `, `pod/${pod}: `, `${pod}: `]) {
    if (text.startsWith(prefix)) return text.slice(prefix.length);
  }
  return text;
}

/** The cause as all targets of a group have it. */
export function withoutName(cause: string, name: string): string {
  return cause.replaceAll(name.replace(/ \[.*\]$/, ""), "<pod>");
}
