import type { KindView, OwnedPod, Reason, Verdict } from "../../contract/kind.ts";
import type { KubeObject, Pod } from "../../contract/resource.ts";
import { asKinsyncError, type KinsyncError } from "../../errors/error.ts";
import type { HostedJudgement } from "../../plugins/host.ts";
import type { Rule } from "./rule.ts";

/** Runs the rule of one root. A rule that fails is a problem and an `unsettled`, never an exception. */
export class VerdictRunner {
  readonly #rule: Rule;
  #judgement: HostedJudgement | undefined;
  #problem: KinsyncError | undefined;
  readonly #podProblems = new Map<string, KinsyncError>();
  readonly #ignoredContainers = new Set<string>();

  constructor(rule: Rule) {
    this.#rule = rule;
  }

  /** What the rule reports about the workload as a whole; `undefined` where it leaves that to delegated children. */
  get notes(): readonly Reason[] | undefined {
    return this.#judgement?.notes;
  }

  /** Default containers that were ignored, since the kind itself lists them as infrastructure. */
  get containerNotes(): readonly Reason[] {
    return [...this.#ignoredContainers].map((name) => ({
      code: "default-container-ignored",
      message: `the kind ${this.#rule.kind ?? ""} names ${name} as the default container and as infrastructure, so it is not chosen`,
      evidence: { container: name },
    }));
  }

  *problems(): Generator<KinsyncError, void, undefined> {
    if (this.#problem !== undefined) yield this.#problem;
    // One problem for all pods: a rule that fails for one pod mostly fails for a thousand.
    const [first] = this.#podProblems.values();
    if (first !== undefined) yield first;
  }

  judge(view: KindView): void {
    try {
      this.#judgement = this.#rule.judge(view);
    } catch (error) {
      this.#problem = asKinsyncError(error);
      this.#judgement = { notes: [], pod: () => this.#failed() };
    }
  }

  /** Call after `judge`. */
  verdict(owned: OwnedPod): Verdict {
    return this.#ofPod(owned.pod, () => this.#judgement?.pod(owned)) ?? this.#failed();
  }

  matchesByLabels(root: KubeObject, pod: Pod): boolean {
    return this.#ofPod(pod, () => this.#rule.matchesByLabels(root, pod)) ?? false;
  }

  /** The container that the rule names, unless it is one of `infrastructure`. */
  defaultContainer(pod: Pod, infrastructure: ReadonlySet<string>): string | undefined {
    const name = this.#ofPod(pod, () => this.#rule.defaultContainer(pod));
    if (name === undefined || !infrastructure.has(name)) return name;
    this.#ignoredContainers.add(name);
    return undefined;
  }

  roles(root: KubeObject): readonly string[] | undefined {
    try {
      return this.#rule.roles(root);
    } catch (error) {
      this.#problem ??= asKinsyncError(error);
      return undefined;
    }
  }

  /** The pod changed: drops the problems with it. */
  forget(uid: string): void {
    this.#podProblems.delete(uid);
  }

  #ofPod<Answer>(pod: Pod, run: () => Answer): Answer | undefined {
    try {
      return run();
    } catch (error) {
      this.#podProblems.set(pod.metadata.uid, asKinsyncError(error));
      return undefined;
    }
  }

  #failed(): Verdict {
    return {
      state: "unsettled",
      reason: { code: "kind-failed", message: `the kind ${this.#rule.kind ?? ""} failed` },
    };
  }
}
