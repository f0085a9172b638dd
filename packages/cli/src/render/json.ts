import type { Output } from "../io.ts";
import type { Reporter } from "./reporter.ts";
import { cleanData } from "./text.ts";

/** One JSON object a line; the names of the events are stable. */
export function createJsonReporter(output: Output): Reporter {
  function write(event: Readonly<Record<string, unknown>>): void {
    output.write(`${JSON.stringify(cleanData(event))}\n`);
  }
  const now = (): string => new Date().toISOString();
  return {
    start: () => undefined,
    cluster: () => undefined,
    note: (text) => write({ event: "note", time: now(), code: "plugin", reason: text }),
    event: (event) => write({ ...event }),
    attach: () => undefined,
    end: () => undefined,
    abandon: () => undefined,
  };
}
