import type { Container, EnvVar, Pod } from "@kinsync/core/contract";

/**
 * Expands a `subPathExpr`: `$(NAME)` is a variable of the container, `$$(NAME)` the text `$(NAME)`. As Kubernetes does it
 * (`third_party/forked/golang/expansion`).
 * @returns `undefined` where a variable's value is not in the pod, such as one from a ConfigMap
 */
export function expandSubPath(expression: string, container: Container, pod: Pod): string | undefined {
  const values = new Map<string, string | undefined>();
  for (const variable of container.env ?? []) values.set(variable.name, valueOf(variable, pod, values));
  return expand(expression, values);
}

function expand(text: string, values: ReadonlyMap<string, string | undefined>): string | undefined {
  let isKnown = true;
  const expanded = text.replaceAll(/\$\$|\$\(([^)]*)\)/g, (found, name: string | undefined) => {
    if (name === undefined) return "$";
    const value = values.get(name);
    if (value === undefined) isKnown = false;
    return value ?? found;
  });
  return isKnown ? expanded : undefined;
}

/** A value may refer to earlier variables. */
function valueOf(
  { value, valueFrom }: EnvVar,
  pod: Pod,
  earlier: ReadonlyMap<string, string | undefined>,
): string | undefined {
  if (valueFrom === undefined) return expand(value ?? "", earlier);
  const field = valueFrom.fieldRef?.fieldPath;
  return field === undefined ? undefined : fieldOf(field, pod);
}

/** Only fields that never change while the container runs: a label is expanded once, when the container starts. */
function fieldOf(field: string, { metadata, spec }: Pod): string | undefined {
  switch (field) {
    case "metadata.name":
      return metadata.name;
    case "metadata.namespace":
      return metadata.namespace;
    case "metadata.uid":
      return metadata.uid;
    case "spec.nodeName":
      return spec.nodeName;
    default:
      return undefined;
  }
}
