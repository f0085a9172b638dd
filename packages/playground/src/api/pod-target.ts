import { badRequest } from "../status-error.ts";
import type { StoredObject } from "../world.ts";

interface Named {
  readonly name: string;
}

function containersOf(pod: StoredObject, field: string): readonly Named[] {
  return (pod.spec?.[field] ?? []) as readonly Named[];
}

/**
 * The container that an exec or a log names, checked as the API server does before it calls the kubelet.
 * Throws 400 if the pod has no such container, or has several and none is named.
 */
export function containerOf(pod: StoredObject, requested: string | null): string {
  const { name } = pod.metadata;
  const containers = containersOf(pod, "containers");
  const all = [...containers, ...containersOf(pod, "initContainers"), ...containersOf(pod, "ephemeralContainers")];
  if (requested === null || requested === "") {
    const [only, ...others] = containers;
    if (only === undefined || others.length > 0) {
      throw badRequest(
        `a container name must be specified for pod ${name}, choose one of: [${containers.map((entry) => entry.name).join(" ")}]`,
      );
    }
    return only.name;
  }
  if (!all.some((entry) => entry.name === requested)) {
    throw badRequest(`container ${requested} is not valid for pod ${name}`);
  }
  return requested;
}

/** Throws 400 if the pod is not bound to a node. */
export function requireNode(pod: StoredObject): void {
  if (typeof pod.spec?.["nodeName"] !== "string" || pod.spec["nodeName"] === "") {
    throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
  }
}
