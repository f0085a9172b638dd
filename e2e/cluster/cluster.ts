import type { CommandOptions, Outcome } from "../harness/command.ts";
import type { Images } from "../images/image-names.ts";
import type { BuildOptions } from "./cached-build.ts";
import type { Controller } from "./controllers/controller.ts";

/** A process of the cluster that can be killed, stopped and restarted. */
export type Component =
  | "etcd"
  | "apiserver"
  | "controller-manager"
  | "scheduler"
  | "jobset"
  /** One on each node, as is kubelet. */
  | "containerd"
  | "kubelet";

export interface ClusterOptions {
  /** Distinguishes clusters on one machine: lower case letters, digits and dashes, at most 11 of them. Default: `main`. */
  readonly id?: string;
  /** 1 to 9. Default: 1. */
  readonly nodes?: number;
  /** With the JobSet controller. Default: true. */
  readonly jobset?: boolean;
  /** Also loads the image of Node.js, which is large. Default: false. */
  readonly nodeImage?: boolean;
  /** Folder of the clusters' state: one folder each, named after the id. Default: `kinsync-e2e` in the folder of temporary files. */
  readonly folder?: string;
  /** Folder of programs and images that later runs use again. Default: `kinsync-e2e` in the user's cache folder. */
  readonly cache?: string;
  /** Installs missing Debian packages. Default: true. */
  readonly install?: boolean;
  /** Receives progress, a line at a time. Default: none. */
  readonly report?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** Selects one node's component if each node has one. */
export interface OfNode {
  /** Default: the first node. */
  readonly node?: string;
}

export interface ContainerName {
  readonly namespace: string;
  readonly pod: string;
  /** Default: the pod's first. */
  readonly container?: string;
}

/** Options of a command inside a node. `cwd` is a folder as the node sees it: the machine's files, but a /run of its own. */
export interface NodeCommandOptions extends CommandOptions, OfNode {}

/** A running cluster. Every process that opens it controls the same cluster; the end of such a process does not end the cluster. */
export interface Cluster extends AsyncDisposable {
  readonly id: string;
  /** The nodes' names. The first one holds the control plane. */
  readonly nodes: readonly [string, ...string[]];
  /** Everything that belongs to the cluster; removed by `down`. */
  readonly folder: string;
  /** One file for each component, `NODE-COMPONENT.log`. */
  readonly logs: string;
  /** A line of JSON for each request of a client that is not a component of the cluster: `audit.k8s.io/v1`, level Metadata. */
  readonly auditLog: string;
  /** Path of an administrator's kubeconfig for programs on the machine. No proxy leads to its address: see `environment`. */
  readonly kubeconfig: string;
  /** The same with the address 127.0.0.1: for programs inside the first node. */
  readonly kubeconfigInside: string;
  /** Path of kubectl, of the cluster's version. */
  readonly kubectl: string;
  /** For programs on the machine that use the cluster: KUBECONFIG, no proxy, and a folder for kubectl's cache that is removed with the cluster. */
  readonly environment: Readonly<Record<string, string>>;
  /** The address of the API server for the machine, without port. */
  readonly address: string;
  /** The images on every node. Pods use them with `imagePullPolicy: Never`. */
  readonly images: Images;

  /** The machine's command that runs `argv` inside a node: its network, processes, mounts and files. */
  command(argv: readonly string[], options?: OfNode & { readonly cwd?: string }): readonly string[];
  /** Runs a command inside a node to its end. Rejects like `execute`, whatever the exit code is. */
  run(argv: readonly string[], options?: NodeCommandOptions): Promise<Outcome>;

  /** The first process of a running container, numbered as this process sees it (on the machine, or inside a node). Rejects if there is none. */
  pidOf(place: ContainerName): Promise<number>;
  /** The container's root as a folder of the machine: `/proc/PID/root`. */
  rootOf(place: ContainerName): Promise<string>;

  /** The component's process, `undefined` if it does not run. */
  pidOfComponent(component: Component, of?: OfNode): Promise<number | undefined>;
  /** Kills the component with SIGKILL and waits for its end. Only `start` starts it again. No error if it does not run. */
  kill(component: Component, of?: OfNode): Promise<void>;
  /** SIGSTOP: the component keeps its connections and does not answer. */
  stop(component: Component, of?: OfNode): Promise<void>;
  /** SIGCONT. */
  continue(component: Component, of?: OfNode): Promise<void>;
  /** Starts a killed component with its former command, and waits until it is healthy. No error if it runs. */
  start(component: Component, of?: OfNode): Promise<void>;

  /**
   * Builds a controller of another project unless it is cached, creates its CRDs, and starts it in the first node. No error if it runs.
   * To be called on the machine, which has the cache.
   */
  startController(controller: Controller, options: BuildOptions): Promise<void>;
  /** Deletes the CRDs of a controller with all their objects, and kills it. No error if it does not run. */
  stopController(controller: Controller): Promise<void>;

  /** Ends the cluster and removes all that belongs to it. */
  down(options?: DownOptions): Promise<void>;
}

export interface DownOptions {
  /** Folder to which the components' logs are copied first. */
  readonly keepLogs?: string;
}
