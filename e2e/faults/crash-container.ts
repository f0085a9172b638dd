import type { Kubectl } from "../harness/kubectl.ts";
import type { KubeObject } from "../harness/objects.ts";

/** Ends the first process of a container; the kubelet then restarts the container. */
export async function crashContainer(kubectl: Kubectl, pod: KubeObject | undefined, container = "main"): Promise<void> {
  const name = pod?.metadata.name ?? "";
  await kubectl.run(["exec", name, "-c", container, "--", "sh", "-c", "kill -TERM 1"]).catch((error: unknown) => {
    // The end of the container may kill the command too.
    if (!/exit code 137/.test(String(error))) throw error;
  });
}
