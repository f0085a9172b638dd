import { quoted } from "./quote.ts";

/** Names in one call of a tool at most. The kernel limits the bytes of an argv. */
const MAX_GROUP_NAMES = 400;
const MAX_GROUP_BYTES = 24 * 1024;

/** A word of shell, quoted only if necessary: each byte of a request costs busybox two system calls. */
export function plain(word: string): string {
  return /^[A-Za-z0-9_./][-A-Za-z0-9_./]*$/.test(word) ? word : quoted(word);
}

export function plainList(words: readonly string[]): string {
  return words.map((word) => plain(word)).join(" ");
}

/** Collects calls of the agent's functions. Calls of one function in one folder become one call with several names. */
export class Calls {
  readonly #lines: string[] = [];
  readonly #open = new Map<string, { words: string[]; bytes: number }>();

  /**
   * @param folder relative to the root, `.` for the root itself; `undefined` for a function without a folder
   * @param alone true if the call must not be merged with others
   */
  add(call: string, folder: string | undefined, names: readonly string[], alone = false): void {
    const start = folder === undefined ? call : `${call} ${plain(folder === "." ? "" : folder)}`;
    const words = names.map((name) => plain(name));
    if (alone) {
      this.#lines.push([start, ...words].join(" "));
      return;
    }
    let group = this.#open.get(start);
    if (group === undefined) {
      group = { words: [], bytes: 0 };
      this.#open.set(start, group);
    }
    group.words.push(...words);
    for (const word of words) group.bytes += word.length * 2;
    if (group.words.length >= MAX_GROUP_NAMES || group.bytes >= MAX_GROUP_BYTES) this.#close(start, group.words);
  }

  /** Ends all open groups: later calls come after the earlier ones. */
  cut(): void {
    for (const [start, { words }] of this.#open) this.#close(start, words);
  }

  #close(start: string, words: readonly string[]): void {
    this.#lines.push([start, ...words].join(" "));
    this.#open.delete(start);
  }

  lines(): readonly string[] {
    this.cut();
    return this.#lines;
  }
}
