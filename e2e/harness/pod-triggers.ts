import type { Kubectl } from "./kubectl.ts";
import type { KubeObject } from "./objects.ts";

/** 137: the container ended, and `touch` with it, before `touch` itself had ended. */
const ENDS_CONTAINER = [0, 137];

/** Makes pods of `gated` ready that started while the gate was closed. */
export function openGate(kubectl: Kubectl, pods: readonly KubeObject[]): Promise<void> {
  return touch(kubectl, pods, "/tmp/ready");
}

/** Lets pods of `lingering` end. */
export function releasePods(kubectl: Kubectl, pods: readonly KubeObject[]): Promise<void> {
  return touch(kubectl, pods, "/tmp/end", ENDS_CONTAINER);
}

/** Makes pods of `failingOnRequest` fail. */
export function failPods(kubectl: Kubectl, pods: readonly KubeObject[]): Promise<void> {
  return touch(kubectl, pods, "/tmp/fail", ENDS_CONTAINER);
}

/** Lets the container's process take memory without end that waits for /tmp/eat. */
export function exhaustMemory(kubectl: Kubectl, pods: readonly KubeObject[]): Promise<void> {
  return touch(kubectl, pods, "/tmp/eat", ENDS_CONTAINER);
}

async function touch(
  kubectl: Kubectl,
  pods: readonly KubeObject[],
  path: string,
  exitCodes: readonly number[] = [0],
): Promise<void> {
  for (const { metadata } of pods) await kubectl.run(["exec", metadata.name, "--", "touch", path], { exitCodes });
}
