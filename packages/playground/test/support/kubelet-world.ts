import type { Readable } from "node:stream";
import { createKubelet } from "../../src/kubelet/index.ts";
import type { Kubelet, KubeletOptions } from "../../src/kubelet/kubelet.ts";
import { createObjectStore } from "../../src/store/object-store.ts";
import type { PlaygroundStore } from "../../src/store/playground-store.ts";
import type { ExecProcess, StoredObject } from "../../src/world.ts";

/** A store with a node, for one test. */
export interface KubeletWorld extends AsyncDisposable {
  readonly store: PlaygroundStore;
  readonly kubelet: Kubelet;
  /** The pod as soon as the condition holds; rejects after 10 s with its last status. */
  pod(name: string, condition: (pod: StoredObject) => boolean): Promise<StoredObject>;
  gone(name: string): Promise<void>;
  /** Settles when the main container has written this. */
  said(name: string, words: string): Promise<void>;
  create(name: string, spec: Record<string, unknown>, metadata?: Record<string, unknown>): StoredObject;
  run(
    pod: string,
    command: readonly string[],
    stdin?: string,
    container?: string,
  ): Promise<{ code?: number; error?: string; stdout: string; stderr: string }>;
}

export function kubeletWorld(options: KubeletOptions = {}): KubeletWorld {
  const store = createObjectStore();
  const kubelet = createKubelet(store, { maximumGraceSeconds: 2, ...options });
  const until = (
    name: string,
    condition: (pod: StoredObject | undefined) => boolean,
  ): Promise<StoredObject | undefined> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const pod = store.get("pods", "default", name);
        if (!condition(pod)) return;
        clearTimeout(timer);
        subscription[Symbol.dispose]();
        resolve(pod);
      };
      const subscription = store.subscribe(look);
      const timer = setTimeout(() => {
        subscription[Symbol.dispose]();
        reject(new Error(`${name} never came to it: ${JSON.stringify(store.get("pods", "default", name)?.status)}`));
      }, 10_000);
      look();
    });
  return {
    store,
    kubelet,
    async pod(name, condition) {
      return (await until(name, (pod) => pod !== undefined && condition(pod))) as StoredObject;
    },
    async gone(name) {
      await until(name, (pod) => pod === undefined);
    },
    async said(name, words) {
      await until(name, (pod) => pod !== undefined && status(pod, "main").started);
      let all = "";
      for await (const chunk of await kubelet.logs({ namespace: "default", name }, "main", { follow: true })) {
        all += String(chunk);
        if (all.includes(words)) return;
      }
      throw new Error(`${name} ended without saying ${words}: ${all}`);
    },
    create: (name, spec, metadata) => store.create("pods", "default", { metadata: { name, ...metadata }, spec }),
    async run(pod, command, stdin, container) {
      const process = await kubelet.exec({ namespace: "default", name: pod }, container, command, {
        stdin: stdin !== undefined,
      });
      if (stdin !== undefined) process.stdin.end(stdin);
      return finish(process);
    },
    [Symbol.asyncDispose]: () => kubelet[Symbol.asyncDispose](),
  };
}

export async function finish(
  process: ExecProcess,
): Promise<{ code?: number; error?: string; stdout: string; stderr: string }> {
  const [stdout, stderr, exit] = await Promise.all([text(process.stdout), text(process.stderr), process.exit]);
  return { ...exit, stdout, stderr };
}

export async function text(stream: Readable): Promise<string> {
  let all = "";
  for await (const chunk of stream) all += String(chunk);
  return all;
}

interface ContainerStatus {
  readonly name: string;
  readonly ready: boolean;
  readonly started: boolean;
  readonly restartCount: number;
  readonly containerID?: string;
  readonly state: Record<string, Record<string, unknown>>;
  readonly lastState: Record<string, Record<string, unknown>>;
}

export function status(pod: StoredObject, container: string, list = "containerStatuses"): ContainerStatus {
  const found = ((pod.status?.[list] ?? []) as ContainerStatus[]).find(({ name }) => name === container);
  // Not reported yet.
  return found ?? { name: container, ready: false, started: false, restartCount: 0, state: {}, lastState: {} };
}

export function phase(pod: StoredObject): unknown {
  return pod.status?.["phase"];
}

export function isReady(pod: StoredObject): boolean {
  const conditions = (pod.status?.["conditions"] ?? []) as { type: string; status: string }[];
  return conditions.some(({ type, status }) => type === "Ready" && status === "True");
}

/** A container that runs until SIGTERM, and then ends at once (as soon as it has printed "patient"). */
export function patient(script = ""): Record<string, unknown> {
  return {
    name: "main",
    image: "playground/busybox",
    command: ["sh", "-c", `${script}\ntrap 'exit 0' TERM; echo patient; while :; do sleep 1000 & wait; done`],
  };
}
