import type { KinsyncError } from "@kinsync/core/contract";
import { plainText } from "./exec-status.ts";

// What an agent says, line by line:
//   kinsync …            its hello, once
//   . ID REST            the request is done
//   ! ID KIND PATH TEXT  the request failed; PATH is escaped and without blanks, `-` for none
//   + ID N               N bytes of a batch were taken; "full": no more need be sent, the failure follows
//   anything else        a record that belongs to the request which is being answered
// Requests are answered in order, so records carry no id.

/** A line longer than this is no line of an agent. */
const MAX_LINE = 1024 * 1024;

/** Why an agent could not do it. */
export interface AgentFailure {
  /** An errno name such as `ENOSPC`, one of the agent's own words, or `TEXT` where only a tool's message is known. */
  readonly kind: string;
  readonly path: string | undefined;
  readonly text: string;
}

/** One request that waits for its answer. */
export interface Pending {
  readonly id: number;
  /** Milliseconds of silence that it may take. */
  readonly patience?: number;
  onRecord(line: string): void;
  /** Bytes of a batch were taken, or a word of the agent's. */
  onProgress?(rest: string): void;
  onDone(rest: string): void;
  onFailure(failure: AgentFailure): void;
  /** No answer will come. */
  onLost(error: KinsyncError): void;
}

/** Cuts an agent's output into lines. Calls back with each; throws where a line has no end. */
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
    if (this.#restSize > MAX_LINE) throw new Error("the container sent a line without an end");
  }
}

/** Hands the lines of an agent to the requests that wait for them, in order. */
export class Answers {
  readonly #queue: Pending[] = [];

  /** What is being answered. */
  get first(): Pending | undefined {
    return this.#queue[0];
  }

  expect(pending: Pending): void {
    this.#queue.push(pending);
  }

  /** @throws where the line answers nothing that was asked */
  take(line: string): void {
    const control = /^([.!+]) (\d+) ?(.*)$/s.exec(line);
    const first = this.#queue[0];
    if (control === null) {
      // Without a request it is noise, such as what a broken shell says.
      first?.onRecord(line);
      return;
    }
    const [, mark, id, rest = ""] = control;
    // A sign of life, or what was on its way when a request failed.
    if (mark === "+") {
      if (first?.id === Number(id)) first.onProgress?.(rest);
      return;
    }
    if (first === undefined || first.id !== Number(id)) {
      throw new Error(`the container answered request ${id} while ${first?.id ?? "none"} was waiting`);
    }
    this.#queue.shift();
    if (mark === ".") first.onDone(rest);
    else first.onFailure(parseFailure(rest));
  }

  /** Takes all that wait, for them to be told that no answer will come. */
  drop(): readonly Pending[] {
    return this.#queue.splice(0);
  }
}

/** Long enough for a path with its reason behind it, and for a marker. */
const LONGEST = 8_000;

function parseFailure(rest: string): AgentFailure {
  const [kind = "TEXT", path = "-", ...words] = rest.split(" ");
  return { kind, path: path === "-" ? undefined : unescapePath(path), text: plainText(words.join(" "), LONGEST) };
}

/** Undoes the escapes of agents and of GNU sha256sum: `\\`, `\n`, `\r`, and `\s` for a blank. */
export function unescapePath(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(
    /\\([\\nrs])/g,
    (_, letter: string) => ({ "\\": "\\", n: "\n", r: "\r", s: " " })[letter] ?? letter,
  );
}

/** Makes a path fit into one line. */
export function escapePath(path: string): string {
  return path.replace(/[\\\n]/g, (char) => (char === "\n" ? "\\n" : "\\\\"));
}
