/** Tells whether labels match a selector as list requests take it: `a=b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a`, `!a`. */
export function matchesLabelSelector(selector: string, labels: Readonly<Record<string, string>>): boolean {
  // A comma within the parentheses of a set does not end a term.
  return selector.split(/,(?![^(]*\))/).every((term) => matchesTerm(term.trim(), labels));
}

function matchesTerm(term: string, labels: Readonly<Record<string, string>>): boolean {
  const set = /^([^\s!=]+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(term);
  if (set !== null) {
    const value = labels[set[1] ?? ""];
    const isIn = value !== undefined && (set[3] ?? "").split(",").some((item) => item.trim() === value);
    return set[2] === "in" ? isIn : !isIn;
  }
  const pair = /^([^\s!=]+)\s*(!=|==?)\s*([^\s=]*)$/.exec(term);
  if (pair !== null) return (labels[pair[1] ?? ""] === pair[3]) === (pair[2] !== "!=");
  const presence = /^(!?)\s*([^\s!=(),]+)$/.exec(term);
  if (presence !== null) return (labels[presence[2] ?? ""] === undefined) === (presence[1] === "!");
  throw new Error(`no label selector: "${term}"`);
}
