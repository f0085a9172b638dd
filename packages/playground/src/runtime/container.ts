// One run of one container: its options, and its operations while it runs.

import type { ExecProcess } from "../world.ts";
import type { ContainerMount } from "./confined-script.ts";
import type { ContainerLog } from "./container-log.ts";
import type { PipePool } from "./pipes.ts";
import type { Watchdog } from "./watchdog.ts";

/** How a container ended. `code` is 128 + signal if a signal ended it. */
export interface ContainerExit {
  readonly code: number;
  readonly signal?: NodeJS.Signals;
}

export interface ContainerOptions {
  /** The folder with the container's files. */
  readonly root: string;
  readonly hostname: string;
  readonly command: readonly string[];
  /** The whole environment of the process: nothing is inherited from the machine. */
  readonly env: Readonly<Record<string, string>>;
  /** Absolute path in the container. */
  readonly workingDir: string;
  readonly mounts: readonly ContainerMount[];
  /** Confined only: the folder that becomes `/dev`. */
  readonly deviceTemplate: string;
  readonly readOnlyRoot: boolean;
  /** Confined and as root only. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** A process whose mount namespace the container starts from (the pod's, if it has volumes in memory). */
  readonly joinPid?: number;
  readonly log: ContainerLog;
  readonly watchdog: Watchdog;
  readonly pipes: PipePool;
}

/** The command is not in the image, or the container's root could not be made. `code` is what the runtime reports as exit code. */
export class ContainerStartError extends Error {
  override readonly name = "ContainerStartError";
  readonly code: number;

  constructor(message: string, code: number) {
    super(message);
    this.code = code;
  }
}

/** A container whose process has started. */
export interface RunningContainer {
  /** PID 1 of the container in the machine's PID namespace. */
  readonly pid: number;
  /** Its root for this process, mounts included; only while it runs. */
  readonly liveRoot: string;
  readonly exited: Promise<ContainerExit>;
  signal(signal: NodeJS.Signals): void;
  exec(command: readonly string[], options: { readonly stdin: boolean }): Promise<ExecProcess>;
}
