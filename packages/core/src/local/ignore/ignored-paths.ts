import { isAtOrBelow } from "../../mapping/tree.ts";
import type { IgnoreRules } from "./ignore-rules.ts";
import type { SourceState } from "../source.ts";

type IsIgnored = Extract<SourceState, { state: "present" }>["isIgnored"];

/** Makes the `isIgnored` of a state: the same function as long as it gives the same answers. */
export class IgnoredPaths {
  #rules: IgnoreRules | undefined;
  #unknown: ReadonlySet<string> = new Set();
  #isIgnored: IsIgnored = () => false;

  /** @param unknown paths that exist and whose content is not known: they are not deleted in a container */
  of(rules: IgnoreRules, unknown: ReadonlySet<string>): IsIgnored {
    if (this.#rules === rules && isSameSet(unknown, this.#unknown)) return this.#isIgnored;
    this.#rules = rules;
    this.#unknown = unknown;
    this.#isIgnored = (path, isDirectory) => isAtOrBelow(path, unknown) || rules.ignores(path, isDirectory);
    return this.#isIgnored;
  }
}

function isSameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((path) => b.has(path));
}
