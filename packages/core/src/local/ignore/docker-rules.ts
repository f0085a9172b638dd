import ignore, { type Ignore } from "ignore";
import { fileOrigin, type RuleOrigin } from "./ignored-by.ts";

interface DockerRule {
  readonly isNegative: boolean;
  readonly pattern: string;
  readonly matcher: Ignore;
  readonly origin: RuleOrigin;
}

/** `.dockerignore`: the last pattern that matches the path or a folder above it decides. */
export class DockerRules {
  /** Name of the file. */
  readonly name: string;
  readonly text: string;
  /** Path from the folder of the file to the mapped folder, with a slash at its end; empty for the mapped folder itself. */
  readonly #base: string;
  readonly #rules: readonly DockerRule[];

  /** @param file path of the file for people */
  constructor(name: string, text: string, file: string = name, base: readonly string[] = []) {
    this.name = name;
    this.text = text;
    this.#base = base.map((segment) => `${segment}/`).join("");
    this.#rules = text.split(/\r?\n/).flatMap((line, index) => {
      const body = (index === 0 && line.startsWith("\ufeff") ? line.slice(1) : line).trim();
      if (body === "" || body.startsWith("#")) return [];
      const isNegative = body.startsWith("!");
      const pattern = (isNegative ? body.slice(1) : body)
        .trim()
        .replace(/^(\.?\/+)+/, "")
        .replace(/\/+$/, "");
      if (pattern === "" || pattern === ".") return [];
      const matcher = ignore({ ignorecase: false }).add({ pattern: `/${pattern}` });
      return [{ isNegative, pattern, matcher, origin: fileOrigin(file, body, index) }];
    });
  }

  /** False if the rules leave out the whole mapped folder: who maps it means it, so the rules have no say. */
  get areMeant(): boolean {
    return this.#base === "" || this.#rule(this.#base.slice(0, -1), true) === undefined;
  }

  /**
   * The rule that ignores a path.
   * @param path relative to the mapped folder
   */
  ruleOf(path: string, isDirectory: boolean): RuleOrigin | undefined {
    return this.#rule(this.#base + path, isDirectory);
  }

  #rule(path: string, isDirectory: boolean): RuleOrigin | undefined {
    let ignoring: RuleOrigin | undefined;
    for (const { isNegative, matcher, origin } of this.#rules) {
      if ((ignoring !== undefined) === isNegative && matcher.ignores(isDirectory ? `${path}/` : path)) {
        ignoring = isNegative ? undefined : origin;
      }
    }
    if (ignoring === undefined) return undefined;
    // A folder that may contain an included path must be scanned.
    const mayInclude = isDirectory && this.#rules.some((rule) => rule.isNegative && mayMatchBelow(rule.pattern, path));
    return mayInclude ? undefined : ignoring;
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
