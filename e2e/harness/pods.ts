import type { KubeObject } from "./objects.ts";

/** Pod name to one state for all of them: a part of what a situation says is true. */
export function states(pods: readonly KubeObject[], state: string): Readonly<Record<string, string>> {
  return Object.fromEntries(pods.map(({ metadata }) => [metadata.name, state]));
}

/** Those of the pods that were there before, and those that were not, by UID. */
export function isOneOf(pods: readonly KubeObject[]): (pod: KubeObject) => boolean {
  const uids = new Set(pods.map(({ metadata }) => metadata.uid));
  return ({ metadata }) => uids.has(metadata.uid);
}
