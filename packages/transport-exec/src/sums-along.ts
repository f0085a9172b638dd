import { TarCursor } from "@kinsync/core/contract";
import { isStaged, type CommitPlan, type PlanStep } from "./commit-plan.ts";

/** Bytes that tar may not have taken yet when the next request is read: what a pipe holds, and tar's own buffer. */
const SLACK = 1024 * 1024;
/** Bytes of archive between two lists. Each costs the container some processes. */
const STEP = 4 * 1024 * 1024;

/**
 * Tells the sh agent on the way which files of an archive are whole, with their digests, so that they are checked by one core while
 * the other one unpacks.
 */
export class SumsAlong {
  readonly #steps: readonly PlanStep[];
  readonly #isCheckable: (step: PlanStep) => boolean;
  readonly #cursor: TarCursor;
  /** What was whole at which position, oldest first. */
  #marks: { readonly position: number; readonly whole: number }[] = [];
  #told = 0;
  #toldAt = 0;

  constructor(plan: CommitPlan, isCheckable: (step: PlanStep) => boolean) {
    this.#steps = plan.steps.filter(isStaged);
    this.#isCheckable = isCheckable;
    this.#cursor = new TarCursor();
  }

  /** A part of the archive left. */
  take(chunk: Uint8Array): void {
    this.#cursor.push(chunk);
  }

  /** A segment left: the list of what can be checked now, or nothing yet. */
  between(): string {
    const { position, whole } = this.#cursor;
    this.#marks.push({ position, whole });
    if (position - this.#toldAt < STEP) return "";
    const ready = this.#marks.findLast((mark) => mark.position <= position - SLACK)?.whole ?? 0;
    if (ready === this.#told) return "";
    this.#toldAt = position;
    return this.#list(ready);
  }

  /** The list of all others. */
  rest(): string {
    return this.#list(this.#steps.length);
  }

  #list(until: number): string {
    let text = "";
    for (const step of this.#steps.slice(this.#told, until)) {
      if (this.#isCheckable(step)) text += `${step.value}  ${step.path}\n`;
    }
    this.#told = Math.max(this.#told, until);
    return text;
  }
}
