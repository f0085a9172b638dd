import type { SummaryEvent } from "../engine/events.ts";
import type { EngineView, ResolvedWorkload } from "../engine/options.ts";
import { KinsyncError } from "../errors/error.ts";
import { didYouMean, nearestNames } from "../text/did-you-mean.ts";

/** How a run ended, for a script. */
export interface Outcome {
  /** Every eligible target holds the newest snapshot. */
  readonly done: boolean;
  /** 0 done; 3 some target is stale, failed or halted; 4 nothing to sync to; 5 the cluster does not allow it. */
  readonly exitCode: 0 | 2 | 3 | 4 | 5;
  /** What kept a workload from having targets. */
  readonly problem?: KinsyncError;
}

export interface RunResult {
  readonly summaries: readonly SummaryEvent[];
  readonly outcome: Outcome;
}

/** How a run ended. `problem` is what kept it from its targets, if anything did. */
export function outcomeOf(summaries: readonly SummaryEvent[], problem?: KinsyncError): Outcome {
  if (problem !== undefined)
    return { done: false, exitCode: problem.code.startsWith("KINSYNC_CLUSTER") ? 5 : 2, problem };
  const isBehind = summaries.some(
    ({ targets, synced, failedRuns }) => (targets > 0 && synced < targets) || failedRuns > 0,
  );
  if (isBehind || summaries.some(({ targets, halted }) => targets === 0 && halted > 0)) {
    return { done: false, exitCode: 3 };
  }
  if (summaries.some(({ targets }) => targets === 0)) return { done: false, exitCode: 4 };
  // A container that should hold the files and does not run is not up to date, whatever the cause.
  return summaries.some(({ waiting }) => waiting > 0) ? { done: false, exitCode: 3 } : { done: true, exitCode: 0 };
}

/** What keeps a workload from having targets, and will not pass by waiting. */
export function obstacleOf(workloads: readonly ResolvedWorkload[], view: EngineView): KinsyncError | undefined {
  for (const { name, resolution, targets } of view.workloads) {
    if (resolution === undefined) continue;
    const [problem] = resolution.problems;
    if (problem !== undefined && targets.length === 0) return problem;
    if (resolution.members.length === 0) continue;
    const mappings = workloads.find((workload) => workload.name === name)?.mappings ?? [];
    const roles = new Set(resolution.members.flatMap(({ role }) => role ?? []));
    const containers = new Set(resolution.members.flatMap(({ containers }) => containers.map((each) => each.name)));
    for (const mapping of mappings) {
      const role = mapping.roles?.find((each) => !roles.has(each));
      if (role !== undefined) return absent("ROLE", mapping.id, role, [...roles], name);
      const { container } = mapping;
      if (container !== undefined && !containers.has(container)) {
        return absent("CONTAINER", mapping.id, container, [...containers], name);
      }
    }
  }
  return undefined;
}

function absent(
  what: "CONTAINER" | "ROLE",
  mapping: string,
  wanted: string,
  there: readonly string[],
  workload: string,
): KinsyncError {
  const word = what.toLowerCase();
  const known = there.length === 0 ? `its members have no ${word}s` : `there are ${there.toSorted().join(", ")}`;
  return new KinsyncError(`KINSYNC_RESOLVE_${what}`, `${mapping}: no member has the ${word} ${wanted}; ${known}`, {
    hint: didYouMean(nearestNames(wanted, there), `See kinsync tree ${workload}.`),
    details: { wanted, there },
  });
}
