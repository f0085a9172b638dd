import { escapePath, unescapePath } from "./wire.ts";

// The manifest is a journal: `+path\.` and `-path\.`, one a line, newest last. So a commit only appends, and an agent need not
// understand it. A line that was cut by a full disk ends where the next one begins, since each append starts with a newline; that
// it lacks its end mark, which no escaped path has, tells it from a shorter path, which may be a foreign file's.

/** Lines that note the paths. Empty for none. */
export function journalLines(mark: "+" | "-", paths: readonly string[]): string {
  if (paths.length === 0) return "";
  let text = "\n";
  for (const path of paths) text += `${mark}${escapePath(path)}\\.\n`;
  return text;
}

/** Lines that a journal may be too long by. */
const SPARE = 1_000;

/** What a journal comes to: the paths that kinsync placed and that are still its own. */
export class ManifestReader {
  readonly #paths = new Set<string>();
  #lines = 0;

  take(line: string): void {
    if (line === "") return;
    this.#lines += 1;
    const whole = /^([+-])((?:[^\\]|\\[\\n])+)\\\.$/.exec(line);
    if (whole === null) return;
    const path = unescapePath(whole[2] ?? "");
    if (whole[1] === "+") this.#paths.add(path);
    else this.#paths.delete(path);
  }

  /** Whether it holds much more than what it says. */
  get isLong(): boolean {
    return this.#lines > 2 * this.#paths.size + SPARE;
  }

  get placed(): readonly string[] {
    return [...this.#paths];
  }
}
