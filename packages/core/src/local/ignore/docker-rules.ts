import ignore, { type Ignore } from "ignore";

/** `.dockerignore`: the last pattern that matches the path or a folder above it decides. */
export class DockerRules {
  readonly text: string;
  readonly #rules: readonly { readonly negative: boolean; readonly pattern: string; readonly matcher: Ignore }[];

  constructor(text: string) {
    this.text = text;
    this.#rules = text.split(/\r?\n/).flatMap((line, index) => {
      const body = (index === 0 && line.startsWith("\ufeff") ? line.slice(1) : line).trim();
      if (body === "" || body.startsWith("#")) return [];
      const negative = body.startsWith("!");
      const pattern = (negative ? body.slice(1) : body)
        .trim()
        .replace(/^(\.?\/+)+/, "")
        .replace(/\/+$/, "");
      if (pattern === "" || pattern === ".") return [];
      return [{ negative, pattern, matcher: ignore({ ignorecase: false }).add({ pattern: `/${pattern}` }) }];
    });
  }

  ignores(path: string, isDirectory: boolean): boolean {
    let ignored = false;
    for (const { negative, matcher } of this.#rules) {
      if (ignored === negative && matcher.ignores(isDirectory ? `${path}/` : path)) ignored = !negative;
    }
    // A folder that may contain an included path must be scanned.
    return ignored && !(isDirectory && this.#rules.some((rule) => rule.negative && mayMatchBelow(rule.pattern, path)));
  }
}

function mayMatchBelow(pattern: string, directory: string): boolean {
  const segments = pattern.split("/");
  const folders = directory.split("/");
  for (const [index, folder] of folders.entries()) {
    const segment = segments[index];
    if (segment === undefined) return false;
    if (/[*?[\\]/.test(segment)) return true;
    if (segment !== folder) return false;
  }
  return segments.length > folders.length;
}
