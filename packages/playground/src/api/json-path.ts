const STEP =
  /^(?:\.?\[\?\(@\.(?<field>[\w.-]+)\s*==\s*["'](?<equals>[^"']*)["']\)\]|\[(?<index>\d+|\*)\]|\[["'](?<quoted>[^"']+)["']\]|\.?(?<plain>(?:\\.|[^.[\]\\])+))/;

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

/**
 * The values at the JSONPath of a printer column. Supported is what columns use: fields, quoted fields,
 * indexes, `[*]` and `[?(@.type=="Ready")]`. Anything else finds nothing.
 */
export function findByPath(root: unknown, path: string): unknown[] {
  let found: unknown[] = [root];
  let rest = path.trim().replace(/^\$/, "");
  while (rest !== "" && rest !== ".") {
    const step = STEP.exec(rest);
    if (step?.groups === undefined || step[0] === "") {
      return [];
    }
    rest = rest.slice(step[0].length);
    const { field, equals, index, quoted, plain } = step.groups;
    found = found.flatMap((value): unknown[] => {
      if (field !== undefined) {
        return Array.isArray(value) ? value.filter((item) => String(findByPath(item, `.${field}`)[0]) === equals) : [];
      }
      if (index !== undefined) {
        return Array.isArray(value) ? (index === "*" ? value : value.slice(Number(index), Number(index) + 1)) : [];
      }
      const next = fieldOf(value, quoted ?? (plain ?? "").replaceAll("\\", ""));
      return next === undefined || next === null ? [] : [next];
    });
  }
  return found;
}
