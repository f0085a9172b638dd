/**
 * One line of an ignore file in a folder, as a pattern from the root that means the same.
 * @returns `undefined` for blank lines and comments
 */
export function anchorPattern(line: string, directory: string): string | undefined {
  const text = line.startsWith("\ufeff") ? line.slice(1) : line;
  if (text.trim() === "" || text.startsWith("#")) return undefined;
  if (directory === "") return text;
  const negative = text.startsWith("!");
  const body = negative ? text.slice(1) : text;
  // A lone `!` or `/` matches nothing in git. With the folder in front it would match everything.
  if (body.trim() === "" || body.trim() === "/") return undefined;
  const folder = directory.replaceAll(/[\\*?[\]!# ]/g, "\\$&");
  const slash = body.indexOf("/");
  // A slash anywhere but at the end anchors a pattern to the folder of its file; without one it matches at every depth below.
  const isAnchored = slash !== -1 && slash < body.trimEnd().length - 1;
  return `${negative ? "!" : ""}${folder}/${isAnchored ? (slash === 0 ? body.slice(1) : body) : `**/${body}`}`;
}
