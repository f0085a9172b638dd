import { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";
import xterm from "@xterm/headless";
import type { Input, JobControl, Output } from "../../../src/io.ts";

/** A terminal in memory, with a keyboard: what a program writes to it becomes rows of text, as in a real one. */
export class VirtualTerminal {
  readonly #terminal: InstanceType<typeof xterm.Terminal>;
  readonly output: Output & NodeJS.WritableStream;
  readonly input: Input & PassThrough;
  /** Raw mode, as the program set it last. */
  isRaw = false;
  /** Everything that was written. */
  raw = "";

  constructor(columns: number, rows = 24) {
    this.#terminal = new xterm.Terminal({
      cols: columns,
      rows,
      scrollback: 1_000,
      allowProposedApi: true,
      convertEol: true,
    });
    const output = Object.assign(new EventEmitter(), {
      isTTY: true,
      columns,
      rows,
      write: (text: string): boolean => {
        this.raw += text;
        this.#terminal.write(text);
        return true;
      },
    });
    this.output = output as unknown as Output & NodeJS.WritableStream;
    this.input = Object.assign(new PassThrough(), {
      isTTY: true,
      setRawMode: (on: boolean) => {
        this.isRaw = on;
      },
    });
  }

  press(key: string): void {
    this.input.write(key);
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.drawn();
    this.#terminal.resize(columns, rows);
    Object.assign(this.output, { columns, rows });
    this.output.emit("resize");
  }

  /** Settles when everything that was written so far is on the screen. */
  drawn(): Promise<void> {
    return new Promise((resolve) => this.#terminal.write("", resolve));
  }

  /** The rows that are visible, without blanks at their ends and without empty ones at the bottom. */
  async rows(): Promise<readonly string[]> {
    const { baseY } = this.#terminal.buffer.active;
    return (await this.allRows()).slice(baseY);
  }

  /** The same with what has scrolled away. */
  async allRows(): Promise<readonly string[]> {
    await this.drawn();
    const buffer = this.#terminal.buffer.active;
    const rows = Array.from({ length: buffer.length }, (_, row) => buffer.getLine(row)?.translateToString(true) ?? "");
    while (rows.at(-1) === "") rows.pop();
    return rows.map((row) => row.trimEnd());
  }

  /** Rows that the terminal itself had to break, in mid-word. */
  async wrappedRows(): Promise<readonly string[]> {
    await this.drawn();
    const buffer = this.#terminal.buffer.active;
    return Array.from({ length: buffer.length }, (_, row) => buffer.getLine(row)).flatMap((line) =>
      line?.isWrapped === true ? [line.translateToString(true)] : [],
    );
  }
}

/** Job control that only counts. */
export class FakeJobControl implements JobControl {
  interrupts = 0;
  suspensions = 0;
  isInFront = true;
  #onContinue: (() => void) | undefined;
  #onExit: (() => void) | undefined;

  interrupt(): void {
    this.interrupts += 1;
  }
  suspend(): void {
    this.suspensions += 1;
  }
  isForeground(): boolean {
    return this.isInFront;
  }
  onContinue(listener: () => void): () => void {
    this.#onContinue = listener;
    return () => (this.#onContinue = undefined);
  }
  onExit(listener: () => void): () => void {
    this.#onExit = listener;
    return () => (this.#onExit = undefined);
  }
  continue(): void {
    this.#onContinue?.();
  }
  exit(): void {
    this.#onExit?.();
  }
}
