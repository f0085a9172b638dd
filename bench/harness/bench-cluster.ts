import type { ClusterConnection } from "@kinsync/core/contract";
import type { ContainerCommands } from "./container-commands.ts";

export interface BenchClusterOptions {
  /** `undefined`: a playground. */
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  /** Image of the pods. Default: `localhost/busybox:1`; on the playground its own. */
  readonly image: string | undefined;
  /** Which CLI runs: from its sources, or as `npm run build` built it. */
  readonly form: "source" | "built";
  /** `sh -c` of each pod, after the folders of the benchmark are created; not with an image of python3 only. Default: sleeps. */
  readonly command: string | undefined;
}

/** A StatefulSet of the benchmark and its pods, all running. */
export interface Group {
  readonly size: number;
  /** `sts/bench-5-a1b2` */
  readonly workload: string;
  readonly pods: readonly string[];
}

/** A cluster to measure on, with a namespace of its own (on the playground: all of it). Disposing deletes what it created. */
export interface BenchCluster extends AsyncDisposable {
  /** One line: the kind of cluster and its versions. */
  readonly title: string;
  /** Version of the API server. */
  readonly version: string;
  readonly image: string;
  /** Commands for containers of this image. */
  readonly commands: ContainerCommands;
  /** Which CLI runs. */
  readonly form: "source" | "built";
  readonly kubeconfig: string;
  readonly context: string;
  readonly namespace: string;
  readonly connection: ClusterConnection;
  /** `kubectl` with this kubeconfig, context and namespace; `undefined` if it is not in PATH. */
  readonly kubectl: readonly [file: string, ...args: string[]] | undefined;
  /** Creates pods and waits until they run. Each working directory has the folders `bench/lib`, `bench/cli` and `bench/raw`. */
  createGroup(size: number): Promise<Group>;
  /** A folder below the working directory of a container, as a path of this machine; `undefined` if the pod runs on another machine. */
  localPath(pod: string, folder: string): Promise<string | undefined>;
}
