import type { Kubectl } from "../harness/kubectl.ts";
import type { KubeObject } from "../harness/objects.ts";

/** Ends the first process of a container, which the kubelet then starts anew. */
export async function crash(kubectl: Kubectl, pod: KubeObject | undefined, container = "main"): Promise<void> {
  const name = pod?.metadata.name ?? "";
  await kubectl.run(["exec", name, "-c", container, "--", "sh", "-c", "kill -TERM 1"]).catch((error: unknown) => {
    // The command may be taken along by what it ends.
    if (!/exit code 137/.test(String(error))) throw error;
  });
}
