import { quoted } from "./quote.ts";

/** Names in one call of a tool. The kernel limits the bytes of an argv. */
const GROUP_NAMES = 400;
const GROUP_BYTES = 24 * 1024;

/** A word, without quotes where it needs none: each byte of a request is two system calls of a busybox. */
export function plain(word: string): string {
  return /^[A-Za-z0-9_./][-A-Za-z0-9_./]*$/.test(word) ? word : quoted(word);
}

export function plainList(words: readonly string[]): string {
  return words.map((word) => plain(word)).join(" ");
}

/** Calls of the agent's functions, those of one function in one folder together. */
export class Calls {
  readonly #lines: string[] = [];
  readonly #open = new Map<string, { words: string[]; bytes: number }>();

  /** @param folder relative to the root, `.` for the root itself; `undefined` where the function takes none */
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
    if (group.words.length >= GROUP_NAMES || group.bytes >= GROUP_BYTES) this.#close(start, group.words);
  }

  /** What is added later comes after what was added until now. */
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
