import type { Pod } from "../contract/resource.ts";
import type { Interner } from "./interner.ts";

type Fresh = Record<string, unknown>;

/**
 * Makes a pod share with other pods what it has in common with them: containers, volumes, conditions, owner references,
 * annotations, the values of labels. Changes the pod, which must be new and not frozen yet, and returns it.
 */
export function sharePod(pod: Pod, interner: Interner): Pod {
  const { metadata, spec, status } = pod;
  share(metadata, interner, ["namespace", "creationTimestamp", "annotations", "ownerReferences"]);
  if (metadata.labels !== undefined) share(metadata.labels, interner, Object.keys(metadata.labels));
  // The host name is the pod's own; all else comes from the template or names a node.
  share(
    spec,
    interner,
    Object.keys(spec).filter((key) => key !== "hostname"),
  );
  if (status !== undefined) {
    share(status, interner, ["reason", "message", "conditions"]);
    const { containerStatuses, initContainerStatuses, ephemeralContainerStatuses } = status;
    for (const list of [containerStatuses, initContainerStatuses, ephemeralContainerStatuses]) {
      for (const one of list ?? []) share(one, interner, ["name", "image", "state"]);
    }
  }
  return pod;
}

function share(parent: object, interner: Interner, keys: readonly string[]): void {
  const fresh = parent as Fresh;
  for (const key of keys) {
    const value = fresh[key];
    if (typeof value === "string") fresh[key] = interner.text(value);
    else if (typeof value === "object" && value !== null) fresh[key] = interner.value(value);
  }
}
