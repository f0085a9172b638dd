import type { LogEntry, LogSource } from "@kinsync/core";
import type { Paint } from "../../render/color.ts";
import { clean, cleanLines } from "../../render/text.ts";
import { bytes, count } from "../../render/units.ts";

type Color = Parameters<Paint>[0];

/** Not red: it is for errors. */
const COLORS: readonly Color[] = [
  "cyan",
  "green",
  "magenta",
  "yellow",
  "blue",
  "cyanBright",
  "greenBright",
  "magentaBright",
];
/** Columns that the longest prefix gets. */
const MAX_WIDTH = 40;

/** The workload and its namespace, for JSON. */
export interface OfWorkload {
  readonly workload: string;
  readonly namespace: string;
}

/** Formats entries of logs as lines, and remembers the color of each source and the width of the prefixes. */
export class EntryFormat {
  readonly #paint: Paint;
  readonly #colors = new Map<string, Color>();
  #width = 0;

  constructor(paint: Paint) {
    this.#paint = paint;
  }

  entry(entry: LogEntry): string {
    const { source } = entry;
    switch (entry.type) {
      case "line":
        return `${this.#prefix(source)} ${textOf(entry.text)}${entry.cutBytes > 0 ? this.#paint("dim", ` … (${bytes(entry.cutBytes)} more)`) : ""}`;
      case "dropped":
        return this.mark(source, `${count(entry.count, "line")} dropped: the output is too slow for them`);
      case "note":
        return this.mark(source, entry.reason);
    }
  }

  /** A line between those of the container. */
  mark(source: LogSource, text: string): string {
    return `${this.#prefix(source)} ${this.#paint("dim", `-- ${clean(text)} --`)}`;
  }

  #prefix({ uid, label, container }: LogSource): string {
    const key = `${uid}/${container}`;
    const color = this.#colors.get(key) ?? COLORS[this.#colors.size % COLORS.length] ?? "cyan";
    this.#colors.set(key, color);
    const text = clean(label);
    this.#width = Math.min(MAX_WIDTH, Math.max(this.#width, text.length));
    return this.#paint(color, `${text.padEnd(this.#width)} |`);
  }
}

/** What a terminal would show of it: a progress bar writes its line again and again. Without escape sequences. */
function textOf(text: string): string {
  const parts = text.split("\r").filter((part) => part !== "");
  return cleanLines(parts.at(-1) ?? "");
}

/** One entry as an object for JSON lines. */
export function jsonOf(entry: LogEntry, { workload, namespace }: OfWorkload): object {
  const { pod, uid, container, role, index } = entry.source;
  const source = {
    workload,
    namespace,
    pod,
    uid,
    container,
    ...(role === undefined ? {} : { role }),
    ...(index === undefined ? {} : { index }),
  };
  const time = new Date().toISOString();
  switch (entry.type) {
    case "line": {
      const cut = entry.cutBytes > 0 ? { cutBytes: entry.cutBytes } : {};
      return { event: "log", time: entry.time, ...source, text: cleanLines(entry.text), ...cut };
    }
    case "dropped":
      return { event: "log-dropped", time, ...source, count: entry.count };
    case "note":
      return { event: "log-note", time, ...source, code: entry.code, reason: clean(entry.reason) };
  }
}
