import type { KinsyncError } from "@kinsync/core/contract";
import { oneLine } from "../stream/one-line.ts";
import { unescapePath } from "./escape.ts";

// Lines of an agent, after the token (docs/reference/agent-protocol.md):
//   . ID REST            the request is done
//   ! ID KIND PATH TEXT  the request failed; PATH is escaped, without blanks; `-` without a path
//   + ID N               N bytes of a batch were read; "full": the agent discards the rest, the failure follows
//   ~ ID CODE PATH TEXT  a note: something could not be set that is not a file's content
//   - RECORD             a record of the request that is being answered
// Requests are answered in order, so records need no ID.

/** No agent writes longer lines. */
const MAX_LINE_BYTES = 1024 * 1024;

/** Why a request failed. */
export interface AgentFailure {
  /** An errno name such as `ENOSPC`, a name that the agent defines, or `TEXT` if only a tool's message is known. */
  readonly kind: string;
  readonly path: string | undefined;
  readonly text: string;
}

/** Something that the agent could not set, although the content is right. */
export interface AgentNote {
  /** `mode`, `owner` or `time`. */
  readonly code: string;
  readonly path: string | undefined;
  readonly text: string;
}

/** A request without an answer yet. */
export interface Pending {
  readonly id: number;
  /** Milliseconds that the agent may be silent. Default: the limit of the session. */
  readonly patienceMs?: number;
  onRecord(line: string): void;
  /** The agent read bytes of a batch, or reports `full`. */
  onProgress?(rest: string): void;
  onNote?(note: AgentNote): void;
  onDone(rest: string): void;
  onFailure(failure: AgentFailure): void;
  /** The session ended before the answer. */
  onLost(error: KinsyncError): void;
}

/** Splits an agent's output into lines. `push` throws if a line exceeds the limit. */
export class LineReader {
  readonly #onLine: (line: string) => void;
  #rest: Buffer[] = [];
  #restSize = 0;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(data: Uint8Array): void {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    let from = 0;
    for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, from)) {
      let line = bytes.subarray(from, end);
      if (this.#restSize > 0) {
        line = Buffer.concat([...this.#rest, line]);
        this.#rest = [];
        this.#restSize = 0;
      }
      from = end + 1;
      this.#onLine(line.toString("utf8"));
    }
    if (from === bytes.length) return;
    this.#rest.push(Buffer.from(bytes.subarray(from)));
    this.#restSize += bytes.length - from;
    if (this.#restSize > MAX_LINE_BYTES)
      throw new Error(`the container sent more than ${MAX_LINE_BYTES} bytes without a newline`);
  }
}

/** Dispatches the lines of an agent to the open requests, in order. */
export class Answers {
  readonly #queue: Pending[] = [];

  /** The request that is being answered. */
  get first(): Pending | undefined {
    return this.#queue[0];
  }

  /** @param before ID of the request that this one overtakes. Default: it is answered last */
  expect(pending: Pending, before?: number): void {
    const at = before === undefined ? -1 : this.#queue.findIndex(({ id }) => id === before);
    this.#queue.splice(at === -1 ? this.#queue.length : at, 0, pending);
  }

  /** @throws if the line answers no open request */
  take(line: string): void {
    const first = this.#queue[0];
    if (line.startsWith("- ")) {
      first?.onRecord(line.slice(2));
      return;
    }
    const control = /^([.!+~]) (\d+) ?(.*)$/s.exec(line);
    if (control === null) throw new Error(`the agent sent an unreadable line: ${oneLine(line)}`);
    const [, mark, id, rest = ""] = control;
    // A sign of life, or sent before the request failed.
    if (mark === "+" || mark === "~") {
      // Requests may have overtaken it.
      const about = this.#queue.find((each) => each.id === Number(id));
      if (mark === "+") about?.onProgress?.(rest);
      else about?.onNote?.(parseNote(rest));
      return;
    }
    if (first === undefined || first.id !== Number(id)) {
      throw new Error(`the container answered request ${id} but the open request is ${first?.id ?? "none"}`);
    }
    this.#queue.shift();
    if (mark === ".") first.onDone(rest);
    else first.onFailure(parseFailure(rest));
  }

  /** Removes and returns all open requests. */
  drop(): readonly Pending[] {
    return this.#queue.splice(0);
  }
}

/** Enough for a path with the reason behind it, and for a marker. */
const MAX_MESSAGE_CHARACTERS = 8_000;

function parseNote(rest: string): AgentNote {
  const { kind, path, text } = parseFailure(rest);
  return { code: kind, path, text };
}

function parseFailure(rest: string): AgentFailure {
  const [kind = "TEXT", path = "-", ...words] = rest.split(" ");
  return {
    kind,
    path: path === "-" ? undefined : unescapePath(path),
    text: oneLine(words.join(" "), MAX_MESSAGE_CHARACTERS),
  };
}
