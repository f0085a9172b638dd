import ignore from "ignore";

/**
 * A line of a `.gitignore` above the mapped folder, as patterns from the mapped folder that mean the same below it. A line that names the
 * mapped folder itself, or one above it, yields none: who maps an ignored folder (`dist`) means it.
 * @param line without a byte order mark
 * @param base path from the folder of the file to the mapped folder
 */
export function outerPatterns(line: string, base: readonly string[]): readonly string[] {
  if (line.trim() === "" || line.startsWith("#")) return [];
  const isNegative = line.startsWith("!");
  const body = (isNegative ? line.slice(1) : line).trimStart();
  const pattern = withoutTrailingBlanks(body);
  if (pattern === "" || pattern === "/") return [];
  const isFolder = pattern.endsWith("/");
  const path = isFolder ? pattern.slice(0, -1) : pattern;
  const sign = isNegative ? "!" : "";
  // Without a slash it matches at every depth.
  if (!path.includes("/")) return [sign + pattern];
  const rests = residues((path.startsWith("/") ? path.slice(1) : path).split("/"), base);
  return [...new Set(rests.map((rest) => `${sign}/${rest.join("/")}${isFolder ? "/" : ""}`))];
}

/** What is left of a pattern below a folder; one for each way in which its start matches the folder. */
function residues(pattern: readonly string[], folder: readonly string[]): readonly (readonly string[])[] {
  const [first, ...rest] = pattern;
  if (first === undefined) return [];
  const [segment, ...below] = folder;
  if (segment === undefined) return [pattern];
  if (first === "**") return [...residues(rest, folder), ...residues(pattern, below)];
  return matchesSegment(first, segment) ? residues(rest, below) : [];
}

function matchesSegment(pattern: string, segment: string): boolean {
  return ignore({ ignorecase: false })
    .add({ pattern: `/${pattern}` })
    .ignores(segment);
}

/** Blanks at the end do not count, but for one after a backslash. */
function withoutTrailingBlanks(text: string): string {
  const trimmed = text.trimEnd();
  return trimmed.endsWith("\\") && text.length > trimmed.length ? `${trimmed} ` : trimmed;
}
