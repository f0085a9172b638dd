import { escapePath, unescapePath } from "../protocol/escape.ts";
import { isPathOfRoot } from "./commit-plan.ts";

// The manifest is a journal with one `+path\.` or `-path\.` per line, newest last. A commit only appends to it, and agents do not parse
// it. Each append starts with a newline, so a line that a full disk cut ends there. Such a line lacks the end mark `\.`, which no escaped
// path contains; it is ignored, because the shorter path may be the name of a foreign file.

/** Journal lines that add or remove paths. Empty without paths. */
export function journalLines(mark: "+" | "-", paths: readonly string[]): string {
  if (paths.length === 0) return "";
  let text = "\n";
  for (const path of paths) text += `${mark}${escapePath(path)}\\.\n`;
  return text;
}

/** Superfluous lines that a journal may have. */
const SPARE_LINES = 1_000;

/** Reads a journal: the paths that kinsync placed and did not remove. */
export class ManifestReader {
  readonly #paths = new Set<string>();
  #lines = 0;

  take(line: string): void {
    if (line === "") return;
    this.#lines += 1;
    const whole = /^([+-])((?:[^\\]|\\[\\n])+)\\\.$/.exec(line);
    if (whole === null) return;
    const path = unescapePath(whole[2] ?? "");
    // Programs of the container can write the journal, too.
    if (!isPathOfRoot(path)) return;
    if (whole[1] === "+") this.#paths.add(path);
    else this.#paths.delete(path);
  }

  /** True if it has many more lines than paths. */
  get isLong(): boolean {
    return this.#lines > 2 * this.#paths.size + SPARE_LINES;
  }

  get placed(): readonly string[] {
    return [...this.#paths];
  }
}
