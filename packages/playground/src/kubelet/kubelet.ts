// What the kubelet offers to the other parts of the playground and to tests.

import type { Confinement, ConfinementChoice } from "../runtime/confinement.ts";
import type { ImageTemplate } from "../runtime/image.ts";
import type { ContainerRuntime, StoredObject } from "../world.ts";

export interface KubeletOptions {
  /** Images by name, on top of the ones that are there (see `defaultImages`). */
  readonly images?: Readonly<Record<string, ImageTemplate>>;
  /** Default `auto`. */
  readonly confinement?: ConfinementChoice;
  /** Milliseconds before each start of a container. Default 0. */
  readonly startDelay?: number | ((pod: StoredObject, container: string) => number);
  /** Of a container that fails again and again. Default 100 ms, doubling to 2 s (a real node: 10 s to 5 min). */
  readonly backOff?: { readonly initialMilliseconds?: number; readonly maximumMilliseconds?: number };
  /**
   * No pod gets more time to end than this, in seconds. Default: what the pod asks for, as on a real node,
   * where `sh -c "sleep 1000"` ignores SIGTERM and takes its whole 30 s.
   */
  readonly maximumGraceSeconds?: number;
}

/** A container as it is now. */
export interface ContainerInfo {
  readonly namespace: string;
  readonly pod: string;
  readonly podUid: string;
  readonly container: string;
  /** As in the pod's status; absent before the first start. */
  readonly containerId: string | undefined;
  readonly restartCount: number;
  /** PID 1 of the container as the machine sees it; absent where it does not run. */
  readonly pid: number | undefined;
}

export interface Kubelet extends ContainerRuntime, AsyncDisposable {
  /** How containers are kept apart on this machine, and why. Rejects where the wish cannot be had. */
  readonly confinement: Promise<Confinement>;
  /** Every container on the node, running or not. */
  containers(): ContainerInfo[];
  /** Sends a signal to PID 1 of a container. Default `SIGKILL`. @throws StatusError where it does not run. */
  killContainer(namespace: string, pod: string, container: string, signal?: NodeJS.Signals): void;
  /**
   * The folder with the files of a container's newest run, as this process sees it, without its mounts: tests read bytes without an exec.
   * It stays after the container ended, until it is restarted or the pod is deleted.
   */
  root(namespace: string, pod: string, container: string): string;
  /** Where a path of a running container is for this process, mounts included. */
  pathOf(namespace: string, pod: string, container: string, path: string): string;
  /** The same as {@link Kubelet.root}, by the pod's UID. */
  hostPathOf(podUid: string, container: string): string;
}
