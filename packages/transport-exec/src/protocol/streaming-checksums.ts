import { createHash } from "node:crypto";
import { TarCursor } from "@kinsync/core/contract";
import { isStaged, type CommitPlan, type PlanStep } from "../commit/commit-plan.ts";

/** Bytes that tar may not have read yet when the agent reads the next request: the content of a pipe, and tar's own buffer. */
const SLACK_BYTES = 1024 * 1024;
/** Bytes of archive between two lists. Each list costs the container some processes. */
const LIST_INTERVAL_BYTES = 4 * 1024 * 1024;

/** Files that the container can verify now. Without files, list and names are empty. */
export interface Checklist {
  /** As `sha256sum` prints and reads it. */
  readonly list: string;
  /** Their names, a NUL after each. */
  readonly names: () => string;
  /** SHA-256 of `list`: what a digest of the output for `names` is. Where the link is slow, the digests themselves need not travel. */
  readonly digest: () => string;
}

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

  /** Called after each segment. */
  between(): Checklist {
    return this.at(this.#cursor);
  }

  /** The same where the archive is known to have `whole` complete entries in its first `position` bytes. */
  at({ position, whole }: { readonly position: number; readonly whole: number }): Checklist {
    this.#marks.push({ position, whole });
    if (position - this.#listedAt < LIST_INTERVAL_BYTES) return checklist([]);
    const ready = this.#marks.findLast((mark) => mark.position <= position - SLACK_BYTES)?.whole ?? 0;
    if (ready === this.#listed) return checklist([]);
    this.#listedAt = position;
    return this.#list(ready);
  }

  /** All files that are not listed yet. */
  rest(): Checklist {
    return this.#list(this.#steps.length);
  }

  #list(until: number): Checklist {
    const files = this.#steps.slice(this.#listed, until).filter(this.#isCheckable);
    this.#listed = Math.max(this.#listed, until);
    return checklist(files);
  }
}

function checklist(files: readonly PlanStep[]): Checklist {
  const list = files.map(({ value, path }) => `${value}  ./${path}\n`).join("");
  return {
    list,
    names: () => files.map(({ path }) => `./${path}\0`).join(""),
    digest: () => createHash("sha256").update(list).digest("hex"),
  };
}
