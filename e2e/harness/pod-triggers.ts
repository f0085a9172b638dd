import type { Kubectl } from "./kubectl.ts";
import type { KubeObject } from "./objects.ts";

/** The container ended, and `touch` with it, before `touch` itself had ended. */
const ENDED_WITH_CONTAINER = 137;

/** Makes pods of `gated` ready that started while the gate was closed. */
export function openGate(kubectl: Kubectl, pods: readonly KubeObject[]): Promise<void> {
  return touch(kubectl, pods, "/tmp/ready", [0]);
}

/** Lets pods of `lingering` end. */
export function releasePods(kubectl: Kubectl, pods: readonly KubeObject[]): Promise<void> {
  return touch(kubectl, pods, "/tmp/end", [0, ENDED_WITH_CONTAINER]);
}

/** Makes pods of `failingOnRequest` fail. */
export function failPods(kubectl: Kubectl, pods: readonly KubeObject[]): Promise<void> {
  return touch(kubectl, pods, "/tmp/fail", [0, ENDED_WITH_CONTAINER]);
}

/** Lets the container's process take memory without end that waits for /tmp/eat. */
export function exhaustMemory(kubectl: Kubectl, pods: readonly KubeObject[]): Promise<void> {
  return touch(kubectl, pods, "/tmp/eat", [0, ENDED_WITH_CONTAINER]);
}

async function touch(
  kubectl: Kubectl,
  pods: readonly KubeObject[],
  path: string,
  exitCodes: readonly number[],
): Promise<void> {
  for (const { metadata } of pods) await kubectl.run(["exec", metadata.name, "--", "touch", path], { exitCodes });
}
