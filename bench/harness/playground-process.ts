// A playground in a process of its own, so that its API server does not take turns with what is measured. Started by world.ts.
import { createPlayground } from "@kinsync/playground";

/** What the bench asks for: objects, or where a folder of a container is for the processes of this machine. */
export type PlaygroundQuestion =
  | { readonly id: number; readonly apply: string }
  | { readonly id: number; readonly pod: string; readonly path: string };

export type PlaygroundMessage =
  | { readonly kubeconfig: string; readonly confinement: string }
  | { readonly id: number; readonly answer: string };

if (process.send !== undefined) {
  const playground = await createPlayground();
  const { kind } = await playground.kubelet.confinement;
  const tell = (message: PlaygroundMessage): void => void process.send?.(message);
  process.on("message", (question: PlaygroundQuestion) => {
    if ("apply" in question) {
      playground.apply(question.apply);
      tell({ id: question.id, answer: "" });
    } else {
      const { id, pod, path } = question;
      tell({ id, answer: playground.kubelet.pathOf("default", pod, "main", path) });
    }
  });
  process.once("disconnect", () => void playground.close().finally(() => process.exit()));
  // Ctrl-C reaches the whole group; whoever started this one says when it ends.
  process.on("SIGINT", () => {});
  tell({ kubeconfig: playground.kubeconfigPath, confinement: kind });
}
