import { KinsyncError } from "../../errors/error.ts";
import type { Reflector } from "../../kube/reflector.ts";
import type { WorkloadRef } from "../resolution.ts";
import { resourceName } from "../../kube/resource-path.ts";
import { workloadText } from "../find/check-workload.ts";

/** The troubles of one workload. A trouble that says the same again is the same object, and so is a list of such. */
export class ProblemList {
  #list: readonly KinsyncError[] = Object.freeze([]);
  readonly #ofWatch = new WeakMap<KinsyncError, KinsyncError>();

  update(problems: Iterable<KinsyncError>): readonly KinsyncError[] {
    const known = new Map(this.#list.map((problem) => [keyOf(problem), problem]));
    const next = new Map<string, KinsyncError>();
    for (const problem of problems) {
      const key = keyOf(problem);
      if (!next.has(key)) next.set(key, known.get(key) ?? problem);
    }
    const list = [...next.values()];
    if (list.length !== this.#list.length || list.some((problem, at) => problem !== this.#list[at])) {
      this.#list = Object.freeze(list);
    }
    return this.#list;
  }

  /**
   * A reflector's trouble, with what it means for the workload and the whole rule that would end it.
   * @param instead what is done without it: pods are taken by labels, or nothing; `undefined` for the root itself
   */
  ofWatch(
    error: KinsyncError,
    reflector: Reflector,
    ref: WorkloadRef,
    instead: "labels" | "none" | undefined,
  ): KinsyncError {
    let problem = this.#ofWatch.get(error);
    if (problem === undefined) {
      problem = explain(error, reflector, ref, instead);
      this.#ofWatch.set(error, problem);
    }
    return problem;
  }
}

function explain(
  error: KinsyncError,
  reflector: Reflector,
  ref: WorkloadRef,
  instead: "labels" | "none" | undefined,
): KinsyncError {
  if (!reflector.isUnavailable) return error;
  const { resource } = reflector.spec;
  const workload = workloadText(ref);
  let meaning = `members of ${workload} behind ${resourceName(resource)} cannot be told`;
  if (instead === undefined) meaning = `${workload} cannot be seen`;
  else if (instead === "labels")
    meaning = `members of ${workload} are taken by their labels, which is weaker than by UID`;
  const isForbidden = error.code === "KINSYNC_CLUSTER_FORBIDDEN";
  return new KinsyncError(error.code, `${error.message}; ${meaning}`, {
    hint: isForbidden ? ruleHint(reflector) : error.hint,
    retry: "retry",
    details: error.details,
    cause: error,
  });
}

/** kinsync lists and watches, and reads single objects to be sure: one rule for all three, so that nobody has to ask thrice. */
function ruleHint(reflector: Reflector): string {
  const { resource, namespace } = reflector.spec;
  const holder = namespace === undefined ? "a ClusterRole" : `a Role in namespace ${namespace}`;
  const rule = `{ apiGroups: ["${resource.group}"], resources: ["${resource.plural}"], verbs: ["get", "list", "watch"] }`;
  return `Ask for ${holder} with the rule ${rule}`;
}

function keyOf(problem: KinsyncError): string {
  return `${problem.code} ${problem.message}`;
}
