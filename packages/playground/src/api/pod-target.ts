import { badRequest } from "../status-error.ts";
import type { StoredObject } from "../world.ts";

interface Named {
  readonly name: string;
}

function containersOf(pod: StoredObject, field: string): readonly Named[] {
  return (pod.spec?.[field] ?? []) as readonly Named[];
}

/**
 * The container that an exec or a log means, checked as the API server does before it asks the node.
 * Throws 400 where it is not one of the pod's, or has to be named.
 */
export function containerOf(pod: StoredObject, asked: string | null): string {
  const { name } = pod.metadata;
  const containers = containersOf(pod, "containers");
  const all = [...containers, ...containersOf(pod, "initContainers"), ...containersOf(pod, "ephemeralContainers")];
  if (asked === null || asked === "") {
    const [only, ...others] = containers;
    if (only === undefined || others.length > 0) {
      throw badRequest(
        `a container name must be specified for pod ${name}, choose one of: [${containers.map((entry) => entry.name).join(" ")}]`,
      );
    }
    return only.name;
  }
  if (!all.some((entry) => entry.name === asked)) {
    throw badRequest(`container ${asked} is not valid for pod ${name}`);
  }
  return asked;
}

/** Throws 400 where no node has the pod. */
export function requireNode(pod: StoredObject): void {
  if (typeof pod.spec?.["nodeName"] !== "string" || pod.spec["nodeName"] === "") {
    throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
  }
}
