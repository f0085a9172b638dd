// What the kubelet offers to the other parts of the playground and to tests.

import type { Confinement, ConfinementChoice } from "../runtime/confinement.ts";
import type { ImageTemplate } from "../runtime/image.ts";
import type { ContainerRuntime, StoredObject } from "../world.ts";

export interface KubeletOptions {
  /** Images by name, in addition to `defaultImages`. */
  readonly images?: Readonly<Record<string, ImageTemplate>>;
  /** Default `auto`. */
  readonly confinement?: ConfinementChoice;
  /** Milliseconds before each start of a container. Default 0. */
  readonly startDelay?: number | ((pod: StoredObject, container: string) => number);
  /**
   * Milliseconds from a change of a ConfigMap or Secret until the files of the volumes that show it change. Default 1,000 (a real node: up
   * to 90 s).
   */
  readonly projectionDelay?: number;
  /** Back-off of a container that fails repeatedly. Default 100 ms, doubling to 2 s (a real node: 10 s to 5 min). */
  readonly backOff?: { readonly initialMilliseconds?: number; readonly maximumMilliseconds?: number };
  /**
   * Upper limit of every grace period, in seconds. Default: none, as on a real node,
   * where `sh -c "sleep 1000"` ignores SIGTERM and takes its whole 30 s.
   */
  readonly maximumGraceSeconds?: number;
}

/** The current state of a container. */
export interface ContainerInfo {
  readonly namespace: string;
  readonly pod: string;
  readonly podUid: string;
  readonly container: string;
  /** As in the pod's status; absent before the first start. */
  readonly containerId: string | undefined;
  readonly restartCount: number;
  /** PID 1 of the container in the machine's PID namespace; absent if it does not run. */
  readonly pid: number | undefined;
}

export interface Kubelet extends ContainerRuntime, AsyncDisposable {
  /** How containers are confined on this machine, and why. Rejects if the chosen way is not possible. */
  readonly confinement: Promise<Confinement>;
  /** Every container on the node, running or not. */
  containers(): ContainerInfo[];
  /** Sends a signal to PID 1 of a container. Default `SIGKILL`. @throws StatusError if it does not run. */
  killContainer(namespace: string, pod: string, container: string, signal?: NodeJS.Signals): void;
  /**
   * The folder with the files of a container's newest run, without its mounts, for this process: tests read files without an exec.
   * It stays after the container has ended, until the container restarts or the pod is deleted.
   */
  root(namespace: string, pod: string, container: string): string;
  /** A path of a running container, mounts included, for this process. */
  pathOf(namespace: string, pod: string, container: string, path: string): string;
  /** The same as {@link Kubelet.root}, by the pod's UID. */
  hostPathOf(podUid: string, container: string): string;
}
