import type { Kubectl } from "./kubectl.ts";
import type { KubeObject } from "./objects.ts";

/** Makes pods of `gated` ready that started while the gate was closed. */
export function openGate(kubectl: Kubectl, pods: readonly KubeObject[]): Promise<void> {
  return touch(kubectl, pods, "/tmp/ready");
}

/** Lets pods of `lingering` end. */
export function releasePods(kubectl: Kubectl, pods: readonly KubeObject[]): Promise<void> {
  return touch(kubectl, pods, "/tmp/end");
}

/** Makes pods of `failingOnRequest` fail. */
export function failPods(kubectl: Kubectl, pods: readonly KubeObject[]): Promise<void> {
  return touch(kubectl, pods, "/tmp/fail");
}

async function touch(kubectl: Kubectl, pods: readonly KubeObject[], path: string): Promise<void> {
  for (const { metadata } of pods) await kubectl.run(["exec", metadata.name, "--", "touch", path]);
}
