import { posix } from "node:path";

/** A glob over local files as a folder and an ignore list. */
export interface GlobFolder {
  /** The part of the glob without wildcards: a folder, or the file itself. */
  readonly base: string;
  /** Leaves out what the glob does not match; `undefined`: it matches everything below the folder. */
  readonly ignore: readonly string[] | undefined;
}

/** Splits a glob where its wildcards begin: `src/**` + `/*.py` is the folder `src` and the rule "only *.py". */
export function splitGlob(glob: string): GlobFolder {
  const parts = posix.normalize(glob).replace(/\/$/, "").split("/");
  const first = parts.findIndex((part) => /[*?[{]/.test(part));
  if (first === -1) return { base: parts.join("/") || ".", ignore: undefined };
  const base = parts.slice(0, first).join("/") || ".";
  const rest = parts.slice(first).join("/");
  if (rest === "**" || rest === "**/*") return { base, ignore: undefined };
  // In gitignore syntax: leave out all, keep the folders, keep what matches.
  return {
    base,
    ignore: ["*", "!*/", ...braces(rest).map((each) => `!${each.startsWith("**/") ? each.slice(3) : `/${each}`}`)],
  };
}

/** `*.{js,ts}` as two globs: gitignore syntax has no braces. */
function braces(glob: string): readonly string[] {
  const match = /^(.*?)\{([^{}]*)\}(.*)$/.exec(glob);
  if (match === null) return [glob];
  const [, before = "", middle = "", after = ""] = match;
  return middle.split(",").flatMap((each) => braces(`${before}${each}${after}`));
}
