/** A label selector as objects hold it (`metav1.LabelSelector`), such as `spec.selector` of the workloads in `apps/v1`. */
export interface LabelSelector {
  /** Labels with exactly these values. */
  readonly matchLabels?: Readonly<Record<string, string>>;
  /** Further requirements, all of which must hold. */
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

/** The selector as a list request takes it; `undefined` where it is empty, or has an operator that kinsync does not support. */
export function formatLabelSelector(selector: LabelSelector | undefined): string | undefined {
  const terms = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  for (const { key, operator, values = [] } of selector?.matchExpressions ?? []) {
    const set = `(${values.toSorted().join(",")})`;
    if (operator === "In") terms.push(`${key} in ${set}`);
    else if (operator === "NotIn") terms.push(`${key} notin ${set}`);
    else if (operator === "Exists") terms.push(key);
    else if (operator === "DoesNotExist") terms.push(`!${key}`);
    else return undefined;
  }
  return terms.length === 0 ? undefined : terms.toSorted().join(",");
}

/** The part of a watch that narrows it to a selector; nothing where `formatLabelSelector` returns nothing. */
export function narrowedTo(selector: LabelSelector | undefined): { readonly labelSelector?: string } {
  const labelSelector = formatLabelSelector(selector);
  return labelSelector === undefined ? {} : { labelSelector };
}
