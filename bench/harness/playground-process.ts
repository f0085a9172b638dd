// A playground in a process of its own, so that its API server does not share an event loop with what is measured. Started by
// playground-cluster.ts.
import { createPlayground } from "@kinsync/playground";

/** Applies objects, or requests the path of a container's folder for processes of this machine. */
export type PlaygroundRequest =
  | { readonly id: number; readonly apply: string }
  | { readonly id: number; readonly pod: string; readonly path: string };

export type PlaygroundMessage =
  | { readonly kubeconfig: string; readonly confinement: string }
  | { readonly id: number; readonly answer: string };

if (process.send !== undefined) {
  const playground = await createPlayground();
  const { kind } = await playground.kubelet.confinement;
  const send = (message: PlaygroundMessage): void => void process.send?.(message);
  process.on("message", (request: PlaygroundRequest) => {
    if ("apply" in request) {
      playground.apply(request.apply);
      send({ id: request.id, answer: "" });
    } else {
      const { id, pod, path } = request;
      send({ id, answer: playground.kubelet.pathOf("default", pod, "main", path) });
    }
  });
  process.once("disconnect", () => void playground.close().finally(() => process.exit()));
  // Ctrl-C reaches the whole process group; the parent decides when this process ends.
  process.on("SIGINT", () => {});
  send({ kubeconfig: playground.kubeconfigPath, confinement: kind });
}
