/**
 * Quotes a word for a POSIX shell: safe for every character but NUL. The result is one line; a newline becomes `$N`, a variable that
 * the agent sets.
 */
export function quoted(word: string): string {
  const parts = word.split("\n").map((part) => `'${part.replaceAll("'", `'\\''`)}'`);
  return parts.join('"$N"');
}

export function quotedList(words: readonly string[]): string {
  return words.map((word) => quoted(word)).join(" ");
}

/** A word of shell, quoted only if necessary: each byte of a request costs busybox two system calls. */
export function plain(word: string): string {
  return /^[A-Za-z0-9_./][-A-Za-z0-9_./]*$/.test(word) ? word : quoted(word);
}

export function plainList(words: readonly string[]): string {
  return words.map((word) => plain(word)).join(" ");
}

/** Several lines as one word in one line, for a shell without a variable that holds a newline yet. */
export function quotedInLine(text: string): string {
  return `"$(printf %b ${quoted(text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n"))})"`;
}
