/** One instruction of a commit: a word of the protocol (docs/reference/agent-protocol.md) and its arguments. */
export interface Instruction {
  readonly word: string;
  readonly arguments: readonly string[];
}

/** Names in one call of a tool at most. The kernel limits the bytes of an argv. */
const MAX_GROUP_NAMES = 400;
const MAX_GROUP_BYTES = 24 * 1024;
/** A name in an argv with the path of its stage. */
const MAX_OVERHEAD_BYTES = 6;

interface Group {
  readonly word: string;
  readonly fixed: readonly string[];
  names: string[];
  bytes: number;
}

/** Collects instructions. Equal words for one folder become one instruction with several names: a shell starts one process for it. */
export class InstructionList {
  readonly #done: Instruction[] = [];
  readonly #open = new Map<string, Group>();

  /** Adds an instruction that is not merged with others. */
  add(word: string, words: readonly string[]): void {
    this.#done.push({ word, arguments: words });
  }

  /** @param fixed arguments in front of the names: the folder, and a mode before it */
  addNames(word: string, fixed: readonly string[], names: readonly string[]): void {
    const key = [word, ...fixed].join("\0");
    let group = this.#open.get(key);
    if (group === undefined) this.#open.set(key, (group = { word, fixed, names: [], bytes: 0 }));
    group.names.push(...names);
    for (const name of names) group.bytes += 2 * (name.length + MAX_OVERHEAD_BYTES);
    if (group.names.length >= MAX_GROUP_NAMES || group.bytes >= MAX_GROUP_BYTES) this.#close(key, group);
  }

  /** Ends all open groups: later instructions come after the earlier ones. */
  cut(): void {
    for (const [key, group] of this.#open) this.#close(key, group);
  }

  #close(key: string, { word, fixed, names }: Group): void {
    this.#done.push({ word, arguments: [...fixed, ...names] });
    this.#open.delete(key);
  }

  all(): readonly Instruction[] {
    this.cut();
    return this.#done;
  }
}
