/** Decodes the escapes of agents and of GNU sha256sum: `\\`, `\n`, `\r`, and `\s` for a blank. */
export function unescapePath(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(
    /\\([\\nrs])/g,
    (_, letter: string) => ({ "\\": "\\", n: "\n", r: "\r", s: " " })[letter] ?? letter,
  );
}

/** Encodes a path so that it fits into one line. */
export function escapePath(path: string): string {
  return path.replace(/[\\\n]/g, (char) => (char === "\n" ? "\\n" : "\\\\"));
}
