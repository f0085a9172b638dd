import type { LogEntry, LogSource } from "./entries.ts";

/** What a queue holds at most, in entries and in characters of their texts. */
export interface QueueLimits {
  readonly entries: number;
  readonly characters: number;
}

const LIMITS: QueueLimits = { entries: 10_000, characters: 4 * 1024 * 1024 };

/**
 * Entries between those who read the logs and one reader. A full queue takes no further lines and counts them by source; the reader gets
 * the number where the lines are missing.
 */
export class LineQueue implements AsyncIterable<LogEntry> {
  readonly #limits: QueueLimits;
  #entries: LogEntry[] = [];
  #next = 0;
  #characters = 0;
  readonly #dropped = new Map<LogSource, number>();
  #end: { readonly error?: unknown } | undefined;
  #wake: (() => void) | undefined;
  #room: PromiseWithResolvers<void> | undefined;

  constructor(limits: QueueLimits = LIMITS) {
    this.#limits = limits;
  }

  get isFull(): boolean {
    return this.#entries.length - this.#next >= this.#limits.entries || this.#characters >= this.#limits.characters;
  }

  /** Adds an entry. A line is dropped while the queue is full. */
  push(entry: LogEntry): void {
    if (this.#end !== undefined) return;
    const { source } = entry;
    const dropped = this.#dropped.get(source);
    if (entry.type === "line" && this.isFull) {
      this.#dropped.set(source, (dropped ?? 0) + 1);
      return;
    }
    if (dropped !== undefined) this.#flushDropped(source, dropped);
    this.#add(entry);
  }

  /** Resolves as soon as the queue is not full, or has ended. */
  async room(): Promise<void> {
    while (this.isFull && this.#end === undefined) await (this.#room ??= Promise.withResolvers()).promise;
  }

  /** No entry follows. @param error what the reader's loop throws after the last entry */
  close(error?: unknown): void {
    this.#end ??= error === undefined ? {} : { error };
    this.#wake?.();
    this.#freeRoom();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<LogEntry, void, undefined> {
    for (;;) {
      const entry = this.#shift();
      if (entry !== undefined) yield entry;
      else if (this.#end !== undefined) {
        if ("error" in this.#end) throw this.#end.error;
        return;
      } else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #add(entry: LogEntry): void {
    this.#entries.push(entry);
    this.#characters += sizeOf(entry);
    this.#wake?.();
  }

  #shift(): LogEntry | undefined {
    const entry = this.#entries[this.#next];
    if (entry === undefined) {
      // Everything was read: what was dropped since then comes here.
      for (const [source, count] of this.#dropped) this.#flushDropped(source, count);
      if (this.#entries.length === this.#next) return undefined;
      return this.#shift();
    }
    this.#next += 1;
    this.#characters -= sizeOf(entry);
    // Moved in steps: each removal from the front would move the whole list.
    if (this.#next >= 1_000 || this.#next === this.#entries.length) {
      this.#entries = this.#entries.slice(this.#next);
      this.#next = 0;
    }
    if (!this.isFull) this.#freeRoom();
    return entry;
  }

  #flushDropped(source: LogSource, count: number): void {
    this.#dropped.delete(source);
    this.#add({ type: "dropped", source, count });
  }

  #freeRoom(): void {
    const room = this.#room;
    this.#room = undefined;
    room?.resolve();
  }
}

function sizeOf(entry: LogEntry): number {
  return entry.type === "line" ? entry.text.length : 0;
}
