/**
 * Quotes a word for a POSIX shell, in one line: safe for every character but NUL. A newline is the shell's `$N`, which the agent
 * sets, so that a command stays one line.
 */
export function quoted(word: string): string {
  const parts = word.split("\n").map((part) => `'${part.replaceAll("'", `'\\''`)}'`);
  return parts.join('"$N"');
}

export function quotedList(words: readonly string[]): string {
  return words.map((word) => quoted(word)).join(" ");
}
