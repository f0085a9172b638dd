import { randomBytes } from "node:crypto";
import type { Marker, OpenContext } from "@kinsync/core/contract";

/** Characters of the part that commits change: the largest snapshot number, and a digest. */
const TAIL_CHARACTERS = 104;

/**
 * Writes the markers of one session. A marker names the session's claim and not only its run: an agent that lost its connection may
 * still execute a commit after the run's next session read the inventory, and that commit must fail.
 */
export class MarkerWriter {
  readonly #claim = randomBytes(9).toString("base64url");
  readonly #context: OpenContext;
  readonly #incarnation: string;
  readonly #process: Marker["process"];

  constructor(context: OpenContext, incarnation: string, process?: Marker["process"]) {
    this.#context = context;
    this.#incarnation = incarnation;
    this.#process = process;
  }

  /** Text that each marker of this session contains, and no other marker. */
  get needle(): string {
    return `"claim":"${this.#claim}"`;
  }

  /**
   * JSON in two lines: the claim, then all other fields, padded to a length that does not depend on the snapshot.
   * @param from `RootSpec.from`
   */
  write(snapshot: number, tree: string, from?: string): string {
    const { runId, owner, since, host } = this.#context;
    const origin = host === undefined || from === undefined ? {} : { origin: { host, folder: from } };
    const marker: Marker = {
      format: 1,
      runId,
      owner,
      since,
      ...origin,
      incarnation: this.#incarnation,
      ...(this.#process === undefined ? {} : { process: this.#process }),
      snapshot,
      tree,
    };
    const text = JSON.stringify(marker);
    const tail = text.length - text.indexOf('"snapshot":');
    return `{${this.needle},\n${text.slice(1)}${" ".repeat(Math.max(0, TAIL_CHARACTERS - tail))}`;
  }
}
