import type { Paint } from "./color.ts";
import { pad, widthOf, wrap } from "./fit.ts";
import type { RowsShown } from "./screen.ts";

const KEYS = [
  ["a", "all"],
  ["f", "failed"],
  ["e", "last error"],
  ["r", "resync"],
  ["t", "trigger"],
  ["u", "undo"],
  ["d", "dismiss"],
  ["?", "help"],
  ["q", "quit"],
] as const;

const RARE: ReadonlySet<string> = new Set(["t", "u", "d"]);

/** What each key does, and the command that does the same. */
const HELP = [
  ["a", "every member with its state (also: `kinsync tree WORKLOAD`)"],
  ["f", "only workloads with problems, each cause in full"],
  ["e", "the last error again, with the next step"],
  ["r", "compare all files again, try again now, and take back what another kinsync took (also: start kinsync again)"],
  ["t", "release changes that wait, in mode manual, while paused, after u (also: `kinsync trigger`)"],
  ["u", "bring back the files before the last save, everywhere (also: `kinsync undo`)"],
  ["d", "let the commands that failed no longer count (also: `kinsync dismiss`)"],
  ["q", "quit, as Ctrl-C"],
  ["", "Arrow keys, PgUp and PgDn scroll."],
] as const;

const KEY_WIDTH = 3;

export function helpLines(paint: Paint, width: number): readonly string[] {
  return HELP.flatMap(([key, text]) =>
    wrap(text, width, KEY_WIDTH).map((line, index) =>
      index === 0 ? paint("bold", pad(key, KEY_WIDTH)) + line.slice(KEY_WIDTH) : line,
    ),
  );
}

/** `a all  f failed  e last error  r resync  ? help  q quit`; what is on is marked. A narrow terminal has the rare keys in the help alone. */
export function keyLine(paint: Paint, width: number, rows: RowsShown): string {
  const on = { all: "a", failed: "f", attention: "" }[rows];
  const lineOf = (keys: readonly (readonly [key: string, word: string])[]): string =>
    keys.map(([key, word]) => `${paint("bold", key)} ${paint(key === on ? "cyan" : "dim", word)}`).join("  ");
  const lines = [lineOf(KEYS), lineOf(KEYS.filter(([key]) => !RARE.has(key)))];
  return lines.find((line) => widthOf(line) <= width) ?? KEYS.map(([key]) => key).join(" ");
}

/** The next step where another kinsync has taken a container. */
export function reclaimStep(): string {
  return "Press r to take it back";
}
