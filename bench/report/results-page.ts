import { readFile, writeFile } from "node:fs/promises";

const BEGIN = "<!-- Written by npm run bench:cluster -- --write: begin -->";
const END = "<!-- Written by npm run bench:cluster -- --write: end -->";

/**
 * Replaces the text between the two markers; all other text is unchanged.
 * @throws unless the page contains each marker once, in this order
 */
export function withResults(page: string, results: string): string {
  const [before, rest, ...more] = page.split(BEGIN);
  const [, after, ...last] = rest?.split(END) ?? [];
  if (before === undefined || after === undefined || more.length > 0 || last.length > 0) {
    throw new Error(`the page requires one line "${BEGIN}" and after it one line "${END}"`);
  }
  return `${before}${BEGIN}\n\n${results.trim()}\n\n${END}${after}`;
}

export async function writeResults(path: string, results: string): Promise<void> {
  await writeFile(path, withResults(await readFile(path, "utf8"), results));
}
