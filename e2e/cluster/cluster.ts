import type { CommandOptions, Outcome } from "../harness/command.ts";

/** A process of the cluster that can be killed, stopped and started again. */
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
  /** Tells clusters on one machine apart: lower case letters, digits and dashes, at most 11 of them. Default: `main`. */
  readonly id?: string;
  /** 1 to 9. Default: 1. */
  readonly nodes?: number;
  /** With the JobSet controller. Default: true. */
  readonly jobset?: boolean;
  /** With the image of Node.js, which is large. Default: false. */
  readonly nodeImage?: boolean;
  /** Where clusters have their state: one folder each, named after the id. Default: `kinsync-e2e` in the folder of temporary files. */
  readonly folder?: string;
  /** Where programs and images are kept between runs. Default: `kinsync-e2e` in the user's cache folder. */
  readonly cache?: string;
  /** Installs missing Debian packages. Default: true. */
  readonly install?: boolean;
  /** Is told what goes on, a line at a time. Default: nobody is told. */
  readonly report?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** Which component is meant where each node has one. */
export interface OfNode {
  /** Default: the first node. */
  readonly node?: string;
}

/** A container as the suite names it. */
export interface ContainerPlace {
  readonly namespace: string;
  readonly pod: string;
  /** Default: the pod's first. */
  readonly container?: string;
}

/** How a command inside a node is run. `cwd` is a folder as the node sees it: the machine's files, but a /run of its own. */
export interface NodeCommandOptions extends CommandOptions, OfNode {}

/** A cluster that is up. Every process that holds such an object controls the same cluster; its end does not end the cluster. */
export interface Cluster extends AsyncDisposable {
  readonly id: string;
  /** The nodes' names. The first one holds the control plane. */
  readonly nodes: readonly [string, ...string[]];
  /** Everything that belongs to the cluster; taken away by `down`. */
  readonly folder: string;
  /** One file for each component, `NODE-COMPONENT.log`. */
  readonly logs: string;
  /** A line of JSON for each request that came from outside of the cluster's own parts: `audit.k8s.io/v1`, level Metadata. */
  readonly auditLog: string;
  /** Path of an administrator's kubeconfig that serves on the machine itself. Its address is behind no proxy: see `NO_PROXY`. */
  readonly kubeconfig: string;
  /** The same by way of 127.0.0.1: serves inside the first node only. */
  readonly kubeconfigInside: string;
  /** Path of kubectl, of the cluster's version. */
  readonly kubectl: string;
  /** For programs on the machine that use the cluster: KUBECONFIG, no proxy, and a cache of kubectl's that goes away with the cluster. */
  readonly environment: Readonly<Record<string, string>>;
  /** The address of the API server as the machine sees it, without port. */
  readonly address: string;
  /** Names of the images that the nodes have. Pods use them with `imagePullPolicy: Never`. */
  readonly images: Images;

  /** The command of the machine that runs `argv` inside a node: its network, processes, mounts and files. */
  command(argv: readonly string[], options?: OfNode & { readonly cwd?: string }): readonly string[];
  /** Runs a command inside a node to its end. Rejects as `execute` does; the exit code is the caller's to judge. */
  run(argv: readonly string[], options?: NodeCommandOptions): Promise<Outcome>;

  /** The first process of a running container, as this process sees it (on the machine, or inside a node). Rejects where there is none. */
  pidOf(place: ContainerPlace): Promise<number>;
  /** A folder of the machine that is the container's root: `/proc/PID/root`. */
  rootOf(place: ContainerPlace): Promise<string>;

  /** The component's process, `undefined` where it does not run. */
  pidOfComponent(component: Component, of?: OfNode): Promise<number | undefined>;
  /** Kills the component with SIGKILL and waits for its end. Nothing starts it again but `start`. No error where it does not run. */
  kill(component: Component, of?: OfNode): Promise<void>;
  /** SIGSTOP: the component stays, holds its connections and says nothing. */
  stop(component: Component, of?: OfNode): Promise<void>;
  /** SIGCONT. */
  continue(component: Component, of?: OfNode): Promise<void>;
  /** Starts a killed component as it was, and waits until it serves. No error where it runs. */
  start(component: Component, of?: OfNode): Promise<void>;

  /** Ends the cluster and takes away all that belongs to it. */
  down(options?: DownOptions): Promise<void>;
}

export interface DownOptions {
  /** Copies the components' logs to this folder first. */
  readonly keepLogs?: string;
}

/** Names of the images on every node. A read-only root is no image: `securityContext.readOnlyRootFilesystem`. */
export interface Images {
  /** busybox with sh and tar; works in /app, as root. */
  readonly busybox: string;
  /** GNU tar, coreutils and findutils, dash as sh, bash; works in /app, as root. */
  readonly debian: string;
  /** Debian's python3 and nothing else: no shell, no tar. Works in /app, as root. */
  readonly python: string;
  /** Debian's perl-base with Digest::SHA and nothing else. Works in /app, as root. */
  readonly perl: string;
  /** Debian's perl-base and nothing else: no Digest::SHA. Works in /app, as root. */
  readonly "perl-base": string;
  /** The Node.js that runs this, and nothing else. Works in /app, as root. Only there where it was asked for. */
  readonly node: string;
  /** One static program that waits, as user 65532, who owns /app. No shell, no libraries. */
  readonly distroless: string;
}
