import type { KinsyncError } from "../../errors/error.ts";
import { isPods } from "../../kube/resource-path.ts";
import type { WorkloadRef } from "../resolution.ts";
import type { Members } from "./members.ts";
import type { ProblemList } from "./problems.ts";
import type { Rule } from "./rule.ts";
import type { WatchSet } from "./watch-set.ts";
import type { PlannedWatch } from "./watch-spec.ts";

/** A watch, the rule that needs it, and whether it is of a referred object. */
export interface NeededWatch {
  readonly planned: PlannedWatch;
  readonly rule: Rule;
  readonly isReference: boolean;
}

export interface WatchProblemsOptions {
  readonly watches: WatchSet;
  readonly problems: ProblemList;
  readonly ref: WorkloadRef;
  readonly members: Pick<Members, "hasAnyByLabels">;
}

/** Problems of watches that make a resolution incomplete, each watch once. */
export function* problemsOfWatches(
  needed: readonly NeededWatch[],
  { watches, problems, ref, members }: WatchProblemsOptions,
): Generator<KinsyncError, void, undefined> {
  const seen = new Set<string>();
  for (const { planned, rule, isReference } of needed) {
    if (seen.has(planned.key)) continue;
    seen.add(planned.key);
    const reflector = watches.get(planned);
    if (reflector === undefined) continue;
    if (reflector.complaint !== undefined) yield reflector.complaint;
    if (planned.waitMs !== undefined) {
      const missing = watches.missing(planned);
      if (missing === "overdue") yield problems.ofOverdue(reflector, ref);
      // A short outage is not worth a report.
      if (missing !== undefined) continue;
    }
    if (!("error" in reflector.status)) continue;
    // Continuing without it is the kind's choice; matching pods by labels instead has to be visible.
    if (planned.isOptional && reflector.isUnavailable && (isReference || !members.hasAnyByLabels)) continue;
    const byLabels = rule.canMatchByLabels && !isPods(planned.spec.resource);
    const fallback = isReference ? "no-reference" : byLabels ? "labels" : "no-members";
    yield problems.ofWatch(reflector.status.error, reflector, ref, fallback);
  }
}
