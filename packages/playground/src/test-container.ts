import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";

import { createPlayground } from "./playground.ts";
import type { Playground } from "./playground.ts";

/** A container to test with. Everything has a default. */
export interface TestContainerOptions {
  /** The playground of the pod. Default: one of its own, which ends with the container. */
  readonly playground?: Playground;
  /** Fields of the container in the pod's spec: `image`, `env`, `volumeMounts`… Default image: `playground/busybox`. */
  readonly container?: Readonly<Record<string, unknown>>;
  /** Fields of the pod's spec besides its containers: `volumes`… */
  readonly spec?: Readonly<Record<string, unknown>>;
  /** Absolute path, in the container, of the folder to test in. It is created if it is missing. Default: `/app`. */
  readonly folder?: string;
  /** Milliseconds for the container to start, and to start again. Default: 20,000. */
  readonly timeout?: number;
}

/**
 * One running container of a playground, for tests of programs that write into containers: where it is, what is in it, and what can
 * happen to it. It has what the conformance kit of kinsync's transports needs to know of a container, besides the transport.
 */
export interface TestContainer extends AsyncDisposable {
  readonly playground: Playground;
  /** The container as it is now, in the words of the API. After a restart its ID differs. */
  readonly target: {
    readonly namespace: string;
    readonly pod: string;
    readonly podUid: string;
    readonly container: string;
    readonly containerId: string;
  };
  /** Absolute path, in the container, of the folder to test in. */
  readonly folder: string;
  /** Absolute path, in the container, of an empty folder on a file system of 512 KiB. Missing where containers are not confined. */
  readonly smallFolder?: string;
  /** The path on this machine of an absolute path in the container, mounts included. It changes when the container restarts. */
  readonly pathOf: (path: string) => string;
  /** Kills the container and waits until the kubelet has started it again. */
  restart(): Promise<void>;
  /** Drops every exec connection to the container, as a network does. */
  breakConnection(): Promise<void>;
  /** Drops the next exec connection when this many bytes have gone to the container's command, or have come from it. */
  cutNext(after: { readonly sent?: number; readonly received?: number }): void;
}

interface ContainerStatus {
  readonly containerID: string;
  readonly state?: { readonly running?: object };
}

const NAMESPACE = "default";
const SMALL = { name: "kinsync-test-small", mountPath: "/small" };
const IDLE = "trap 'exit 0' TERM; while :; do sleep 0.05; done";

/**
 * Starts a pod with one container and waits until it runs. The caller owns it: dispose it.
 *
 * @throws Error if the container does not run within `timeout`, StatusError if the API server refuses the pod.
 *
 * @example
 * await using container = await createTestContainer();
 * await readFile(container.pathOf("/app/main.py"));
 */
export async function createTestContainer(options: TestContainerOptions = {}): Promise<TestContainer> {
  const playground = options.playground ?? (await createPlayground());
  const pod = `test-${randomBytes(4).toString("hex")}`;
  const end = async (): Promise<void> => {
    if (options.playground === undefined) await playground.close();
    else if (playground.store.peek("pods", NAMESPACE, pod) !== undefined) {
      playground.store.delete("pods", NAMESPACE, pod, { gracePeriodSeconds: 0 });
    }
  };
  try {
    return await start(playground, pod, options, end);
  } catch (error) {
    await end();
    throw error;
  }
}

async function start(
  playground: Playground,
  pod: string,
  options: TestContainerOptions,
  end: () => Promise<void>,
): Promise<TestContainer> {
  const { kubelet, store, faults } = playground;
  const { timeout = 20_000 } = options;
  const isConfined = (await kubelet.confinement).kind === "confined";
  const namespace = NAMESPACE;
  const name = "main";
  playground.apply(manifestOf(pod, options, isConfined));
  /** Resolves as soon as the container runs with another ID than this one. */
  const untilRunning = (formerId: string | undefined) =>
    playground.until(
      () => {
        const found = store.peek("pods", namespace, pod);
        const [status] = (found?.status?.["containerStatuses"] ?? []) as readonly ContainerStatus[];
        if (found === undefined || status?.state?.running === undefined || status.containerID === formerId)
          return false;
        return { namespace, pod, podUid: found.metadata.uid, container: name, containerId: status.containerID };
      },
      { what: `pod ${pod} to run`, timeout },
    );
  let target = await untilRunning(undefined);
  // An unconfined container has the paths of the machine.
  const pathOf = (path: string): string => (isConfined ? kubelet.pathOf(namespace, pod, name, path) : path);
  const inContainer = (path: string): string => (isConfined ? path : kubelet.pathOf(namespace, pod, name, path));
  const folder = inContainer(options.folder ?? "/app");
  await mkdir(pathOf(folder), { recursive: true });
  const pattern = { namespace, pod, container: name };
  let cut: Disposable | undefined;
  return {
    playground,
    get target() {
      return target;
    },
    folder,
    ...(isConfined ? { smallFolder: SMALL.mountPath } : {}),
    pathOf,
    async restart() {
      const { containerId } = target;
      kubelet.killContainer(namespace, pod, name);
      target = await untilRunning(containerId);
    },
    async breakConnection() {
      faults.endExec("drop", pattern);
    },
    cutNext({ sent, received }) {
      cut?.[Symbol.dispose]();
      cut =
        sent === undefined
          ? faults.cutExec({ direction: "stdout", afterBytes: received ?? 0 }, pattern)
          : faults.cutExec({ direction: "stdin", afterBytes: sent }, pattern);
    },
    async [Symbol.asyncDispose]() {
      cut?.[Symbol.dispose]();
      await end();
    },
  };
}

function manifestOf(pod: string, { container = {}, spec = {} }: TestContainerOptions, isConfined: boolean) {
  const { volumes = [] } = spec as { readonly volumes?: readonly unknown[] };
  const { volumeMounts = [] } = container as { readonly volumeMounts?: readonly unknown[] };
  const small = isConfined ? [{ name: SMALL.name, emptyDir: { medium: "Memory", sizeLimit: "512Ki" } }] : [];
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: pod, namespace: NAMESPACE },
    spec: {
      terminationGracePeriodSeconds: 0,
      ...spec,
      volumes: [...volumes, ...small],
      containers: [
        {
          image: "playground/busybox",
          command: ["sh", "-c", IDLE],
          ...container,
          name: "main",
          volumeMounts: [...volumeMounts, ...(isConfined ? [SMALL] : [])],
        },
      ],
    },
  };
}
