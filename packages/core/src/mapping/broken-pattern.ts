/**
 * Why a pattern in gitignore syntax can match no path, in words that follow "is a pattern"; `undefined` where it can. Git ignores such
 * lines silently; in a config they are typing errors, or patterns of another syntax.
 */
export function brokenPattern(pattern: string): string | undefined {
  const body = pattern.startsWith("!") ? pattern.slice(1) : pattern;
  if (body.trim() === "" || body.trim() === "/") return "that matches nothing";
  if (pattern.startsWith("#")) return `that is a comment: write \\${pattern}`;
  const [first] = body.split("/");
  if (first === ".") return `that starts with ./ and matches nothing: write ${body.slice(1)}`;
  if (body.split("/").includes("..")) return "with `..`: a pattern cannot leave the mapped folder";
  return brokenCharacters(body);
}

function brokenCharacters(body: string): string | undefined {
  for (let at = 0; at < body.length; at += 1) {
    const character = body[at];
    if (character === "\\") {
      if (at === body.length - 1) return "that ends in a backslash";
      at += 1;
    } else if (character === "[") {
      const end = endOfClass(body, at);
      if (end === undefined) return "in which a `[` has no `]`";
      const range = emptyRange(body.slice(at, end));
      if (range !== undefined) return `with the empty range ${range}`;
      at = end;
    } else if (character === "{" && /^\{[^{}/]*,[^{}]*\}/.test(body.slice(at))) {
      return "with { , }, which gitignore syntax does not have: write one pattern for each alternative";
    }
  }
  return undefined;
}

/** Index of the `]` that ends a class of characters. */
function endOfClass(text: string, start: number): number | undefined {
  let at = start + 1;
  if (text[at] === "!" || text[at] === "^") at += 1;
  if (text[at] === "]") at += 1;
  for (; at < text.length; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === "[" && text[at + 1] === ":") {
      const end = text.indexOf(":]", at + 2);
      if (end !== -1) at = end + 1;
    } else if (text[at] === "]") return at;
  }
  return undefined;
}

/** A range such as `z-a`. */
function emptyRange(text: string): string | undefined {
  for (const [range, from = "", to = ""] of text.slice(1).matchAll(/([a-zA-Z0-9])-([a-zA-Z0-9])/g)) {
    if (from > to) return range;
  }
  return undefined;
}
