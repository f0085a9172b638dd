import { readFile } from "node:fs/promises";
import { createPlayground } from "@kinsync/playground";
import type { Playground } from "@kinsync/playground";

/** Long-running, and gone at once when it is told to. */
export const IDLE = "trap 'exit 0' TERM; while :; do sleep 0.05; done";

export interface PodOptions {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly owner?: { readonly apiVersion: string; readonly kind: string; readonly name: string; readonly uid: string };
  readonly container?: Readonly<Record<string, unknown>>;
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** A pod with one container `main` that idles in `/app`. */
export function podManifest({ name, labels = {}, owner, container = {}, spec = {} }: PodOptions) {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: "default",
      labels,
      ...(owner === undefined ? {} : { ownerReferences: [{ ...owner, controller: true }] }),
    },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: "main", image: "playground/busybox", command: ["sh", "-c", IDLE], ...container }],
      ...spec,
    },
  };
}

/** Settles when the named pods run. */
export async function untilRunning(playground: Playground, ...names: readonly string[]): Promise<void> {
  const isRunning = (name: string): boolean =>
    playground.store.get("pods", "default", name)?.status?.["phase"] === "Running";
  await playground.until(() => names.every(isRunning), { what: `${names.join(", ")} to run`, timeout: 20_000 });
}

/** What a container holds below its working directory, read from outside; `undefined` where there is no such file. */
export async function readIn(playground: Playground, pod: string, path: string): Promise<string | undefined> {
  try {
    return await readFile(playground.kubelet.pathOf("default", pod, "main", `/app/${path}`), "utf8");
  } catch {
    return undefined;
  }
}

export { createPlayground };
export type { Playground };
