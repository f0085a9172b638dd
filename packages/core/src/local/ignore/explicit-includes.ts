import ignore, { type Ignore } from "ignore";

/** Characters with a meaning in a pattern. */
const WILDCARD = /[*?[\]\\]/;

/**
 * Lines of a mapping's `ignore` that include a folder by its name: `!node_modules`, `!/web/.git/`. A wildcard such as `!*` names
 * nothing.
 */
export class ExplicitIncludes {
  readonly #names: ReadonlySet<string>;
  readonly #matcher: Ignore;

  constructor(lines: readonly string[]) {
    const patterns = lines.flatMap((line) => {
      const name = line.startsWith("!") ? lastSegment(line) : undefined;
      return name === undefined || WILDCARD.test(name) ? [] : [{ name, pattern: line.slice(1) }];
    });
    this.#names = new Set(patterns.map(({ name }) => name));
    this.#matcher = ignore({ ignorecase: false }).add(patterns.map(({ pattern }) => ({ pattern })));
  }

  /** @param path of a folder or a file, relative to the mapped folder */
  has(path: string, isDirectory: boolean): boolean {
    const name = path.slice(path.lastIndexOf("/") + 1);
    return this.#names.has(name) && this.#matcher.ignores(isDirectory ? `${path}/` : path);
  }
}

function lastSegment(line: string): string | undefined {
  return line
    .slice(1)
    .trim()
    .split("/")
    .findLast((segment) => segment !== "");
}
