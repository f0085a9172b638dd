import type { KindView, OwnedPod, Reason, Verdict } from "../../contract/kind.ts";
import type { KubeObject, Pod } from "../../contract/resource.ts";
import { isKinsyncError, KinsyncError } from "../../errors/error.ts";
import type { HostedJudgement } from "../../plugins/host.ts";
import type { Rule } from "./rule.ts";

/** Asks a rule about one workload. A rule that fails is a problem and an `unsettled`, never an exception. */
export class Judging {
  readonly #rule: Rule;
  #judgement: HostedJudgement | undefined;
  #note: Reason | undefined;
  #problem: KinsyncError | undefined;
  readonly #podProblems = new Map<string, KinsyncError>();

  constructor(rule: Rule) {
    this.#rule = rule;
  }

  /** There is a judgement to ask about single pods. */
  get isReady(): boolean {
    return this.#judgement !== undefined;
  }

  /** Of the workload as a whole. */
  get note(): Reason | undefined {
    return this.#note;
  }

  *problems(): Generator<KinsyncError, void, undefined> {
    if (this.#problem !== undefined) yield this.#problem;
    // One for all: a rule that fails for one pod mostly fails for a thousand.
    const [first] = this.#podProblems.values();
    if (first !== undefined) yield first;
  }

  judge(view: KindView): void {
    try {
      this.#judgement = this.#rule.judge(view);
      this.#problem = undefined;
    } catch (error) {
      this.#problem = asKinsyncError(error);
      this.#judgement = { note: undefined, pod: () => this.#failed() };
    }
    this.#note = noteOfTermination(view.root) ?? this.#judgement.note;
  }

  /** Call after `judge`. */
  verdict(owned: OwnedPod): Verdict {
    try {
      return this.#judgement?.pod(owned) ?? this.#failed();
    } catch (error) {
      this.#podProblems.set(owned.pod.metadata.uid, asKinsyncError(error));
      return this.#failed();
    }
  }

  claims(root: KubeObject, pod: Pod): boolean {
    try {
      return this.#rule.claims(root, pod);
    } catch (error) {
      this.#podProblems.set(pod.metadata.uid, asKinsyncError(error));
      return false;
    }
  }

  /** The troubles with a pod, or with all of them, are past: it is asked about again. */
  forget(uid?: string): void {
    if (uid === undefined) this.#podProblems.clear();
    else this.#podProblems.delete(uid);
  }

  /** There is no root. */
  reset(): void {
    this.#judgement = undefined;
    this.#note = undefined;
    this.#problem = undefined;
    this.#podProblems.clear();
  }

  #failed(): Verdict {
    const message = `the kind ${this.#rule.kind ?? ""} failed when it was asked`;
    return { state: "unsettled", reason: { code: "kind-failed", message } };
  }
}

function noteOfTermination(root: KubeObject): Reason | undefined {
  const { deletionTimestamp, name } = root.metadata;
  if (deletionTimestamp === undefined) return undefined;
  return {
    code: "root-terminating",
    message: `the ${root.kind} ${name} is being deleted`,
    evidence: { "metadata.deletionTimestamp": deletionTimestamp },
  };
}

export function asKinsyncError(error: unknown): KinsyncError {
  if (isKinsyncError(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new KinsyncError("KINSYNC_INTERNAL", message, { cause: error });
}
