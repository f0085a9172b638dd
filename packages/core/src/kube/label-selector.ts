type Labels = Readonly<Record<string, string>>;

/**
 * The terms of a root's `spec.selector` that a pod matches, as text (`app=web`); `undefined` where it does not match, or the
 * root has no selector. Accepts a LabelSelector, and the plain map of Services and ReplicationControllers.
 */
export function matchOfSelector(selector: unknown, labels: Labels): string | undefined {
  if (!isRecord(selector)) return undefined;
  const { matchLabels, matchExpressions } = selector;
  const isPlain = matchLabels === undefined && matchExpressions === undefined;
  const wanted = isPlain ? selector : matchLabels;
  const terms: string[] = [];
  for (const [key, value] of Object.entries(isRecord(wanted) ? wanted : {})) {
    if (typeof value !== "string" || labels[key] !== value) return undefined;
    terms.push(`${key}=${value}`);
  }
  for (const expression of Array.isArray(matchExpressions) ? (matchExpressions as unknown[]) : []) {
    const term = matchOfExpression(expression, labels);
    if (term === undefined) return undefined;
    terms.push(term);
  }
  return terms.length === 0 ? undefined : terms.join(",");
}

/** The same for a selector as text, as in watches. A term with unknown syntax matches nothing. */
export function matchOfText(selector: string, labels: Labels): string | undefined {
  const terms = selector.match(/(?:[^,(]|\([^)]*\))+/g) ?? [];
  if (terms.length === 0 || !terms.every((term) => matchesTerm(term.trim(), labels))) return undefined;
  return selector;
}

function matchOfExpression(expression: unknown, labels: Labels): string | undefined {
  if (!isRecord(expression) || typeof expression["key"] !== "string") return undefined;
  const { key, operator } = expression as { readonly key: string; readonly operator?: unknown };
  const values: readonly unknown[] = Array.isArray(expression["values"]) ? expression["values"] : [];
  const value = labels[key];
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value) ? `${key}=${value}` : undefined;
    case "NotIn":
      return value !== undefined && values.includes(value) ? undefined : `${key} notin (${values.join(",")})`;
    case "Exists":
      return value === undefined ? undefined : key;
    case "DoesNotExist":
      return value === undefined ? `!${key}` : undefined;
    default:
      return undefined;
  }
}

function matchesTerm(term: string, labels: Labels): boolean {
  const set = /^(\S+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(term);
  if (set !== null) {
    const [, key = "", operator, list = ""] = set;
    const values = list.split(",").map((value) => value.trim());
    return values.includes(labels[key] ?? "\0") === (operator === "in");
  }
  const pair = /^([^=!\s]+)\s*(==?|!=)\s*(\S*)$/.exec(term);
  if (pair !== null) {
    const [, key = "", operator, value] = pair;
    return (labels[key] === value) === (operator !== "!=");
  }
  if (/^![^=\s]+$/.test(term)) return labels[term.slice(1)] === undefined;
  return /^[^=!\s]+$/.test(term) && labels[term] !== undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
