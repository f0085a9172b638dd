import type { PullEvent, PullProgress } from "@kinsync/core";
import type { Output } from "../../io.ts";
import { cut } from "../../render/cut.ts";
import { clean } from "../../render/text.ts";
import { bytes, count } from "../../render/units.ts";

const DEFAULT_COLUMNS = 80;

/** One line of a terminal that shows how far the pull of all members is. */
export class PullLine {
  readonly #output: Output | undefined;
  /** By UID of the member. */
  readonly #progress = new Map<string, PullProgress>();
  #isDrawn = false;

  /** @param output `undefined`, and one that is not a terminal: nothing is drawn */
  constructor(output: Output | undefined) {
    this.#output = output?.isTTY === true ? output : undefined;
  }

  draw(event: PullProgress): void {
    this.#progress.set(event.member.uid, event);
    this.#draw();
  }

  /** Prints something else in between. */
  around(event: PullEvent, print: () => void): void {
    this.clear();
    print();
    if (event.type !== "done" && this.#progress.size > 0) this.#draw();
  }

  clear(): void {
    if (this.#isDrawn) this.#output?.write("\r\u001B[K");
    this.#isDrawn = false;
  }

  #draw(): void {
    if (this.#output === undefined) return;
    const all = [...this.#progress.values()];
    const sum = (of: (each: PullProgress) => number): number => all.reduce((total, each) => total + of(each), 0);
    const parts = [
      `${sum(({ done }) => done)} of ${count(
        sum(({ files }) => files),
        "file",
      )}`,
    ];
    const isKnown = all.every(({ total }) => total !== undefined);
    parts.push(
      isKnown
        ? `${bytes(sum(({ here = 0 }) => here))} of ${bytes(sum(({ total = 0 }) => total))}`
        : bytes(sum((each) => each.bytes)),
    );
    const current = all.find((each) => each.current !== undefined)?.current;
    if (current !== undefined) {
      const percent = Math.floor((100 * current.received) / Math.max(1, current.size));
      parts.push(`${clean(current.path)} ${percent} % of ${bytes(current.size)}`);
    }
    const columns = this.#output.columns ?? DEFAULT_COLUMNS;
    this.#output.write(`\r\u001B[K${cut(parts.join(", "), columns - 1)}`);
    this.#isDrawn = true;
  }
}
