/** A part of a template: text as it is, or an expression and where it begins. */
export type TemplatePart = { readonly text: string } | { readonly expression: string; readonly offset: number };

/** Splits `app={root.metadata.name}` into its parts. @throws Error if a brace is not closed */
export function splitTemplate(template: string): readonly TemplatePart[] {
  const parts: TemplatePart[] = [];
  let at = 0;
  while (at < template.length) {
    const open = template.indexOf("{", at);
    if (open < 0) break;
    const close = endOf(template, open + 1);
    if (close === undefined) throw new Error("has a { without its }");
    if (open > at) parts.push({ text: template.slice(at, open) });
    parts.push({ expression: template.slice(open + 1, close), offset: open + 1 });
    at = close + 1;
  }
  if (at < template.length) parts.push({ text: template.slice(at) });
  return parts;
}

/** Where the expression ends: the brace that closes it, not one in a text or of a map in it. */
function endOf(template: string, from: number): number | undefined {
  let depth = 0;
  let quote: string | undefined;
  for (let at = from; at < template.length; at += 1) {
    const char = template.charAt(at);
    if (quote !== undefined) {
      if (char === "\\") at += 1;
      else if (char === quote) quote = undefined;
    } else if (char === "'" || char === '"') {
      quote = char;
    } else if (char === "{") {
      depth += 1;
    } else if (char === "}") {
      if (depth === 0) return at;
      depth -= 1;
    }
  }
  return undefined;
}
