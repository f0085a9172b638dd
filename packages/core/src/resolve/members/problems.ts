import { KinsyncError } from "../../errors/error.ts";
import { operationText } from "../../kube/reflector-spec.ts";
import type { Reflector } from "../../kube/reflector.ts";
import type { WorkloadRef } from "../resolution.ts";
import { resourceName } from "../../kube/resource-path.ts";
import { workloadText } from "../find/check-workload.ts";

/** What a workload uses in place of the answer of a watch. */
export type Fallback =
  /** The root itself is not known. */
  | "no-root"
  /** Pods are selected by their labels. */
  | "labels"
  /** Members behind the resource are not known. */
  | "no-members"
  /** An object that the root refers to is not known. */
  | "no-reference"
  /** Pods that lead to the root through the owner kind only are left out until it can be read. */
  | "no-owners";

/** The problems of one workload. A problem with the same code and message stays the same object, and so does an equal list. */
export class ProblemList {
  #list: readonly KinsyncError[] = Object.freeze([]);
  readonly #ofWatch = new WeakMap<KinsyncError, KinsyncError>();
  readonly #silent = new WeakMap<Reflector, KinsyncError>();

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

  /** A reflector's error, with its consequence for the workload and the RBAC rule that would solve it. */
  ofWatch(error: KinsyncError, reflector: Reflector, ref: WorkloadRef, fallback: Fallback): KinsyncError {
    let problem = this.#ofWatch.get(error);
    if (problem === undefined) {
      problem = explain(error, reflector, ref, fallback);
      this.#ofWatch.set(error, problem);
    }
    return problem;
  }

  /** An owner kind whose list is without an answer: with the last error, where there is one. */
  ofOverdue(reflector: Reflector, ref: WorkloadRef): KinsyncError {
    const { status } = reflector;
    let error = "error" in status ? status.error : this.#silent.get(reflector);
    if (error === undefined) {
      error = new KinsyncError(
        "KINSYNC_CLUSTER_UNREACHABLE",
        `Cannot ${operationText(reflector.spec, "list")}: no answer in time`,
      );
      this.#silent.set(reflector, error);
    }
    return this.ofWatch(error, reflector, ref, "no-owners");
  }
}

function explain(error: KinsyncError, reflector: Reflector, ref: WorkloadRef, fallback: Fallback): KinsyncError {
  if (!reflector.isUnavailable && fallback !== "no-owners") return error;
  const isForbidden = error.code === "KINSYNC_CLUSTER_FORBIDDEN";
  const hint = fallback === "no-owners" ? "Nothing to do: kinsync keeps trying." : error.hint;
  return new KinsyncError(error.code, `${error.message}; ${consequence(reflector, ref, fallback)}`, {
    hint: isForbidden ? ruleHint(reflector) : hint,
    retry: "retry",
    details: error.details,
    cause: error,
  });
}

function consequence(reflector: Reflector, ref: WorkloadRef, fallback: Fallback): string {
  const workload = workloadText(ref);
  const resource = resourceName(reflector.spec.resource);
  switch (fallback) {
    case "no-root":
      return `${workload} cannot be read`;
    case "labels":
      return `members of ${workload} are selected by their labels, which is weaker than by UID`;
    case "no-members":
      return `members of ${workload} behind ${resource} are unknown`;
    case "no-reference":
      return `${workload} refers to ${resource}, and its kind works without them`;
    case "no-owners":
      return `pods that ${workload} owns through ${resource} are left out until it can be read`;
  }
}

/** kinsync lists, watches and reads single objects: one rule for all three, so that users request permissions only once. */
function ruleHint(reflector: Reflector): string {
  const { resource, namespace } = reflector.spec;
  const holder = namespace === undefined ? "a ClusterRole" : `a Role in namespace ${namespace}`;
  const rule = `{ apiGroups: ["${resource.group}"], resources: ["${resource.plural}"], verbs: ["get", "list", "watch"] }`;
  return `Ask for ${holder} with the rule ${rule}`;
}

function keyOf(problem: KinsyncError): string {
  return `${problem.code} ${problem.message}`;
}
