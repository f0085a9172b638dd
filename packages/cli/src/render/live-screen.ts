import { createLogUpdate } from "log-update";
import type { Output } from "../io.ts";
import { widthOf } from "./fit.ts";

/** The part of a terminal that is drawn again and again. */
export interface LiveScreen {
  draw(lines: readonly string[]): void;
  /** Writes lines above it, which stay. */
  persist(lines: readonly string[]): void;
  /** Removes it until the next `draw`. */
  clear(): void;
  /** The terminal has another size: removes what was drawn for the old one. */
  resized(): void;
  /** Gives the cursor back. */
  done(): void;
}

export function createLiveScreen(output: Output & NodeJS.WritableStream): LiveScreen {
  const update = createLogUpdate(output);
  let drawn: readonly string[] = [];
  return {
    draw: (lines) => {
      update(lines.join("\n"));
      drawn = lines;
    },
    persist: (lines) => {
      update.persist(lines.join("\n"));
      drawn = [];
    },
    clear: () => {
      update.clear();
      update.done();
      drawn = [];
    },
    resized: () => {
      if (drawn.length === 0) return;
      const columns = output.columns ?? 80;
      // A terminal that became narrower has broken the lines of the last frame.
      const rows = drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / columns)), 0);
      output.write(`\r\u001B[${rows}A\u001B[J`);
      update.done();
      drawn = [];
    },
    done: () => update.done(),
  };
}
