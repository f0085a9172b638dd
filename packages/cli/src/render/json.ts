import type { Output } from "../io.ts";
import type { Reporter } from "./reporter.ts";
import { cleanLines } from "./text.ts";

/** One JSON object a line; the names of the events are stable. */
export function createJsonReporter(output: Output): Reporter {
  const write = (event: object): unknown => output.write(`${JSON.stringify(event)}\n`);
  const now = (): string => new Date().toISOString();
  return {
    start: () => undefined,
    cluster: () => undefined,
    note: (text, code) => write({ event: "note", time: now(), code, reason: cleanLines(text) }),
    // The engine's events have no text that is not clean.
    event: write,
    log: (line) => {
      output.write(`${line}\n`);
      return undefined;
    },
    prepare: async () => undefined,
    attach: () => undefined,
    rename: () => undefined,
    hold: () => undefined,
    release: () => undefined,
    end: () => undefined,
    abandon: () => undefined,
  };
}
