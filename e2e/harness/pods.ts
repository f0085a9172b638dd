import type { ContainerStatus, KubeObject, Pod } from "./objects.ts";

export function containerOf(pod: Pod, name: string): ContainerStatus | undefined {
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = pod.status;
  const all = [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses];
  return all.find((each) => each.name === name);
}

/** Name of the container that takes files: `main`, else the first. */
export function mainContainer({ spec: { containers } }: Pod): string {
  return containers.some(({ name }) => name === "main") ? "main" : (containers[0]?.name ?? "");
}

/** True while a pod's container runs and the pod is not being deleted. */
export function isRunning(pod: Pod, container = mainContainer(pod)): boolean {
  return pod.metadata.deletionTimestamp === undefined && containerOf(pod, container)?.state?.running !== undefined;
}

export function isTerminating({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined;
}

/** Pod name to the same state for all of them: a part of an expected truth. */
export function states(pods: readonly KubeObject[], state: string): Readonly<Record<string, string>> {
  return Object.fromEntries(pods.map(({ metadata }) => [metadata.name, state]));
}

/** Tests by UID whether a pod is one of these. */
export function isOneOf(pods: readonly KubeObject[]): (pod: KubeObject) => boolean {
  const uids = new Set(pods.map(({ metadata }) => metadata.uid));
  return ({ metadata }) => uids.has(metadata.uid);
}
