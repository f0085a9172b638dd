import { randomBytes } from "node:crypto";
import type { Marker, OpenContext, RootSpec } from "@kinsync/core/contract";
import { MARKER_TAIL_CHARACTERS } from "../protocol/agent-protocol.ts";

/** What a marker says of the files in a mapped root. */
export interface MarkedState {
  readonly snapshot: number;
  readonly tree: string;
  readonly owed?: readonly string[] | undefined;
}

/**
 * Writes the markers of one session. A marker names the session's claim and not only its run: an agent that lost its connection may
 * still execute a commit after the run's next session read the inventory, and that commit must fail.
 */
export class MarkerWriter {
  readonly #claim = randomBytes(9).toString("base64url");
  readonly #context: OpenContext;
  readonly #incarnation: string;
  readonly #process: Marker["process"];
  /** Characters of the part that commits change, by the key of the root. It only grows: a marker is written over the one before. */
  readonly #widths = new Map<string, number>();

  constructor(context: OpenContext, incarnation: string, process?: Marker["process"]) {
    this.#context = context;
    this.#incarnation = incarnation;
    this.#process = process;
  }

  /** Text that each marker of this session contains, and no other marker. */
  get needle(): string {
    return `"claim":"${this.#claim}"`;
  }

  /** JSON in two lines: the claim, then all other fields, padded to a length that does not depend on the snapshot. */
  write({ key, from }: Pick<RootSpec, "key" | "from">, { snapshot, tree, owed = [] }: MarkedState): string {
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
      at: new Date().toISOString(),
      ...(owed.length === 0 ? {} : { owed }),
    };
    const text = JSON.stringify(marker);
    const at = text.indexOf('"snapshot":');
    const tail = asAscii(text.slice(at));
    const width = Math.max(MARKER_TAIL_CHARACTERS, this.#widths.get(key) ?? 0, tail.length);
    if (width > MARKER_TAIL_CHARACTERS) this.#widths.set(key, width);
    return `{${this.needle},\n${text.slice(1, at)}${tail.padEnd(width)}`;
  }
}

/** The same JSON, in characters that are one byte each. */
function asAscii(json: string): string {
  return json.replaceAll(/[\u0080-\uFFFF]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
