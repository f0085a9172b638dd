import { TarCursor } from "@kinsync/core/contract";
import { isStaged, type CommitPlan, type PlanStep } from "../commit/commit-plan.ts";

/** Bytes that tar may not have read yet when the agent reads the next request: the content of a pipe, and tar's own buffer. */
const SLACK_BYTES = 1024 * 1024;
/** Bytes of archive between two lists. Each list costs the container some processes. */
const LIST_INTERVAL_BYTES = 4 * 1024 * 1024;

/**
 * Lists the digests of files that are complete while the rest of the archive is still being sent. The container then verifies them on
 * one core while another core unpacks.
 */
export class StreamingChecksums {
  readonly #steps: readonly PlanStep[];
  readonly #isCheckable: (step: PlanStep) => boolean;
  readonly #cursor = new TarCursor();
  /** Number of complete entries at each position, oldest first. */
  readonly #marks: { readonly position: number; readonly whole: number }[] = [];
  #listed = 0;
  #listedAt = 0;

  constructor(plan: CommitPlan, isCheckable: (step: PlanStep) => boolean) {
    this.#steps = plan.steps.filter(isStaged);
    this.#isCheckable = isCheckable;
  }

  /** Reads a part of the archive that was sent. */
  take(chunk: Uint8Array): void {
    this.#cursor.push(chunk);
  }

  /** Called after each segment. Returns the list of files that can be verified now, or an empty text. */
  between(): string {
    return this.at(this.#cursor);
  }

  /** The same where the archive is known to have `whole` complete entries in its first `position` bytes. */
  at({ position, whole }: { readonly position: number; readonly whole: number }): string {
    this.#marks.push({ position, whole });
    if (position - this.#listedAt < LIST_INTERVAL_BYTES) return "";
    const ready = this.#marks.findLast((mark) => mark.position <= position - SLACK_BYTES)?.whole ?? 0;
    if (ready === this.#listed) return "";
    this.#listedAt = position;
    return this.#list(ready);
  }

  /** The list of all files that are not listed yet. */
  rest(): string {
    return this.#list(this.#steps.length);
  }

  #list(until: number): string {
    let text = "";
    for (const step of this.#steps.slice(this.#listed, until)) {
      if (this.#isCheckable(step)) text += `${step.value}  ./${step.path}\n`;
    }
    this.#listed = Math.max(this.#listed, until);
    return text;
  }
}
