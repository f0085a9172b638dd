// In more than 300 lines: one table, from which the page about errors is generated.
import { docsUrl } from "./docs-url.ts";

/** One entry of the error table. */
interface ErrorEntry {
  /** What happened, in one sentence. docs/reference/errors.md is generated from it. */
  readonly summary: string;
  /** What to do next. Used where the error itself carries no better hint. */
  readonly hint: string;
  readonly retry: "retry" | "gone" | "terminal";
}

/** All error codes, sorted. A code is permanent once released. */
export const ERRORS = {
  KINSYNC_CLUSTER_ANSWER: {
    summary: "The response is not one of a Kubernetes API server.",
    hint: "Check that the context points to a Kubernetes API server, not to the login page of a proxy.",
    retry: "retry",
  },
  KINSYNC_CLUSTER_BUSY: {
    summary: "The API server is overloaded, not ready, or reported an internal error.",
    hint: "No action needed while kinsync is running: it retries. At the start, run the command again.",
    retry: "retry",
  },
  KINSYNC_CLUSTER_CERTIFICATE: {
    summary: "The API server's certificate is not trusted.",
    hint: "Check `certificate-authority` of the cluster in the kubeconfig.",
    retry: "terminal",
  },
  KINSYNC_CLUSTER_CONTEXT_REFUSED: {
    summary: "The context is not a local cluster, and neither the command line nor the config allows writing to it.",
    hint: "To allow writing, pass `--context NAME` or add `contexts: [NAME]` to the config.",
    retry: "terminal",
  },
  KINSYNC_CLUSTER_CONTEXT_UNKNOWN: {
    summary: "The kubeconfig has no such context.",
    hint: "List the contexts with `kubectl config get-contexts`.",
    retry: "terminal",
  },
  KINSYNC_CLUSTER_CREDENTIALS: {
    summary: "The API server rejected the credentials, or the program that fetches them failed.",
    hint: "Check that `kubectl get pods` works with the same context.",
    retry: "retry",
  },
  KINSYNC_CLUSTER_FORBIDDEN: {
    summary: "The current user lacks a permission that kinsync needs.",
    hint: "Ask your cluster administrator for the permission named in the message; `kinsync rbac` prints a complete Role.",
    retry: "retry",
  },
  KINSYNC_CLUSTER_KUBECONFIG: {
    summary: "The kubeconfig is missing or cannot be read.",
    hint: "Set `KUBECONFIG`, or create `~/.kube/config`.",
    retry: "terminal",
  },
  KINSYNC_CLUSTER_UNREACHABLE: {
    summary: "The API server did not respond.",
    hint: "Check that the cluster is running and that this machine can reach the server of the context.",
    retry: "retry",
  },
  KINSYNC_CLUSTER_WEBSOCKET: {
    summary: "Something between kinsync and the API server, such as a proxy, does not let WebSockets through.",
    hint: "Ask the administrator of the proxy, VPN or load balancer in front of the API server to let WebSockets through (the header `Upgrade`).",
    retry: "retry",
  },
  KINSYNC_CONFIG_CONFLICT: {
    summary: "Two parts of the config contradict each other.",
    hint: "Remove one of them, or give them roles that do not overlap.",
    retry: "terminal",
  },
  KINSYNC_CONFIG_FOREIGN: {
    summary: "The config file belongs to another user.",
    hint: "If you trust it, take ownership with `chown`.",
    retry: "terminal",
  },
  KINSYNC_CONFIG_INVALID: {
    summary: "The config has an unknown key or an invalid value.",
    hint: `Fix the key or value named above; ${docsUrl("reference/config.md")} lists all of them.`,
    retry: "terminal",
  },
  KINSYNC_CONFIG_NOT_FOUND: {
    summary: "The config file given with `--config` does not exist.",
    hint: "Check the path. It is relative to the working directory.",
    retry: "terminal",
  },
  KINSYNC_CONFIG_PARSE: {
    summary: "The config file cannot be parsed or run.",
    hint: "Fix the error at the location shown above.",
    retry: "terminal",
  },
  KINSYNC_CONFIG_SYSTEM_FOLDER: {
    summary: "A mapping goes to the root of the container, to a system folder, or to a home folder itself.",
    hint: "Map to a folder below it, such as `/usr/src/app`, or map single files into it.",
    retry: "terminal",
  },
  KINSYNC_CONTROL_NO_RUN: {
    summary: "No `kinsync up` that could answer runs on this machine, or it has ended.",
    hint: "Start one with `kinsync up`, as the same user and on this machine.",
    retry: "terminal",
  },
  KINSYNC_CONTROL_REQUEST: {
    summary: "A request on the socket of a running `kinsync up` is not one of its protocol.",
    hint: `${docsUrl("reference/control.md")} describes the requests.`,
    retry: "terminal",
  },
  KINSYNC_CONTROL_SEVERAL: {
    summary: "Several running `kinsync up` fit, and the command is for one.",
    hint: "Name one of them with `--run`.",
    retry: "terminal",
  },
  KINSYNC_FORWARD_LOCAL: {
    summary: "A port cannot be opened on this machine.",
    hint: "Choose another local port: `kinsync forward WORKLOAD LOCAL:PORT`, or `localPort` in the config.",
    retry: "terminal",
  },
  KINSYNC_FORWARD_REFUSED: {
    summary: "A connection to a port of a pod could not be made: no member runs, or nothing listens there.",
    hint: "Check that the program in the pod listens on this port, on `localhost` or on all addresses. The next connection tries again.",
    retry: "terminal",
  },
  KINSYNC_INTERNAL: {
    summary: "kinsync has a bug.",
    hint: "Please report it with the output above.",
    retry: "terminal",
  },
  KINSYNC_PLUGIN_CONTRACT: {
    summary:
      "A plugin was built for another version of the contract, or needs a feature that this kinsync does not have.",
    hint: "Install matching versions of kinsync and the plugin.",
    retry: "terminal",
  },
  KINSYNC_PLUGIN_DELEGATE: {
    summary:
      "A kind leaves children to their own kind, and that kind is not loaded, reads another version, or leads back to the root.",
    hint: "Add a kind for that resource to `kinds` of the config.",
    retry: "terminal",
  },
  KINSYNC_PLUGIN_DUPLICATE: {
    summary: "Two plugins have the same name or serve the same resource.",
    hint: "Remove one of them from the config.",
    retry: "terminal",
  },
  KINSYNC_PLUGIN_FAILED: {
    summary: "A plugin threw an error, did not return in time, or returned an invalid result.",
    hint: "Report it to the plugin's author.",
    retry: "terminal",
  },
  KINSYNC_PLUGIN_NOT_FOUND: {
    summary: "A package that the config names or imports is not installed next to the config file.",
    hint: "Install it in the folder of the config file: `npm install NAME`.",
    retry: "terminal",
  },
  KINSYNC_PLUGIN_RULES: {
    summary: "A file of rules has an unknown key, a value of the wrong type, or an expression that is not valid.",
    hint: "Fix the position that the message names.",
    retry: "terminal",
  },
  KINSYNC_PLUGIN_SHAPE: {
    summary:
      "A plugin was not made with `defineKind` or `defineTransport`, or has a field that the contract does not have.",
    hint: "Its default export must be a function that returns the result of `defineKind` or `defineTransport`.",
    retry: "terminal",
  },
  KINSYNC_PULL_LOCAL: {
    summary: "Files of a container cannot be written to this folder.",
    hint: "Choose another folder, or make room there and check its permissions.",
    retry: "terminal",
  },
  KINSYNC_PULL_PATH: {
    summary: "A path in a container cannot be pulled.",
    hint: "Check the path with `kubectl exec POD -- ls -l PATH`.",
    retry: "terminal",
  },
  KINSYNC_RESOLVE_AMBIGUOUS: {
    summary: "The name matches several resources of the cluster.",
    hint: "Add the API group: `KIND.GROUP/NAME`.",
    retry: "terminal",
  },
  KINSYNC_RESOLVE_CONTAINER: {
    summary: "No member has a container of this name.",
    hint: "List the containers with `kinsync tree WORKLOAD`.",
    retry: "terminal",
  },
  KINSYNC_RESOLVE_INDEX: {
    summary: "No member has such an index.",
    hint: "See kinsync tree WORKLOAD for the indexes of the members.",
    retry: "terminal",
  },
  KINSYNC_RESOLVE_KIND: {
    summary: "The cluster does not serve this kind.",
    hint: "List the kinds with `kubectl api-resources`.",
    retry: "terminal",
  },
  KINSYNC_RESOLVE_LABEL: {
    summary: "No member has such a label.",
    hint: "List the labels that the kind gives to members with `kinsync tree WORKLOAD -o json`.",
    retry: "terminal",
  },
  KINSYNC_RESOLVE_NAMESPACE: {
    summary: "The namespace does not exist.",
    hint: "List the namespaces with `kubectl get namespaces`.",
    retry: "terminal",
  },
  KINSYNC_RESOLVE_OWNS_NO_PODS: {
    summary: "The object is of a kind that owns no pods, such as a Service, a ConfigMap or a Namespace.",
    hint: "Name the workload that owns the pods, such as deployment/NAME.",
    retry: "terminal",
  },
  KINSYNC_RESOLVE_ROLE: {
    summary: "No member has this role.",
    hint: "List the roles with `kinsync tree WORKLOAD`.",
    retry: "terminal",
  },
  KINSYNC_RESOLVE_WORKLOAD: {
    summary: "The workload does not exist in this namespace.",
    hint: "List the objects of this kind with `kubectl get KIND -n NAMESPACE`.",
    retry: "terminal",
  },
  KINSYNC_RUN_FAILED: {
    summary: "A command with `onFailure: hold` failed in a container.",
    hint: "Fix the cause and save, or run `kinsync trigger` to try again, or `kinsync dismiss` to go on without it.",
    retry: "terminal",
  },
  KINSYNC_RUN_LATE: {
    summary:
      "A container was not ready in time for a command that all containers run together, and the others went on without it.",
    hint: "See the status of that container with `kinsync status`. It runs the command by itself when it is ready.",
    retry: "retry",
  },
  KINSYNC_RUN_LOCAL: {
    summary: "A command of `hooks` failed on this machine.",
    hint: "Run the command by hand in the folder of the config to see why, then save again.",
    retry: "terminal",
  },
  KINSYNC_SNAPSHOT_LOST: {
    summary: "The bytes of files in an earlier snapshot are no longer kept.",
    hint: "Release the newest files with `kinsync trigger`, or restore them with your version control and save.",
    retry: "retry",
  },
  KINSYNC_SNAPSHOT_UNKNOWN: {
    summary: "The run has released no such snapshot.",
    hint: "List the snapshots with `kinsync history`.",
    retry: "terminal",
  },
  KINSYNC_SOURCE_CHANGED: {
    summary: "A local file changed while it was being sent.",
    hint: "No action needed: kinsync sends the newer content as soon as the file settles.",
    retry: "retry",
  },
  KINSYNC_SOURCE_MISSING: {
    summary: "The local path of a mapping does not exist.",
    hint: "Fix `from`. It is relative to the config file, or with `--sync` to the current directory.",
    retry: "terminal",
  },
  KINSYNC_SOURCE_SPOOL: {
    summary: "The temporary folder of this machine cannot hold the files to send.",
    hint: "Free space in that folder, and kinsync continues. Or set TMPDIR to a folder with more space and start kinsync again.",
    retry: "retry",
  },
  KINSYNC_SOURCE_TYPE: {
    summary: "A local path is a socket, a pipe or a device, which no container can get.",
    hint: "No action needed. Add it to `ignore` to hide this note.",
    retry: "terminal",
  },
  KINSYNC_SOURCE_UNREADABLE: {
    summary: "A local file or folder cannot be read, or cannot be represented in a container.",
    hint: "Make it readable, or add it to `ignore`.",
    retry: "retry",
  },
  KINSYNC_TARGET_DELETES: {
    summary: "The next batch would delete files that kinsync did not create, or that came from another folder.",
    hint: "To delete them, pass `--allow-deletes`. To keep them, remove `mirror: true` or map to another path.",
    retry: "terminal",
  },
  KINSYNC_TARGET_DENIED: {
    summary: "The container's user has no write permission for the path.",
    hint: "Map to a folder that the container's user owns, or change the securityContext of the pod.",
    retry: "terminal",
  },
  KINSYNC_TARGET_FOREIGN: {
    summary: "A file or folder that kinsync did not create already exists at this path.",
    hint: "Remove it in the container or map to another path. To put a file into a folder, end `to` with a slash.",
    retry: "terminal",
  },
  KINSYNC_TARGET_FULL: {
    summary: "The container's file system has no space left for the files.",
    hint: "Enlarge the volume, or add files that are not needed to `ignore`.",
    retry: "retry",
  },
  KINSYNC_TARGET_GONE: {
    summary: "The container or its pod no longer exists.",
    hint: "No action needed. The replacement container is synced when it starts.",
    retry: "gone",
  },
  KINSYNC_TARGET_LOST: {
    summary: "The connection to a container ended before the container replied.",
    hint: "No action needed. kinsync reconnects.",
    retry: "retry",
  },
  KINSYNC_TARGET_MOUNTED_FILE: {
    summary: "The path is a mount of a single file, which cannot be replaced by a rename.",
    hint: "If its volume is writable, set `inPlace: true` on the mapping. A ConfigMap or Secret is not: mount an `emptyDir` in its place.",
    retry: "terminal",
  },
  KINSYNC_TARGET_NO_AGENT: {
    summary:
      "The container has no program that can write files: no python3 or node, and no shell with tar and the other tools that kinsync needs.",
    hint: "Use another image for development, or share a volume with a sidecar of your own and select it with `--container`.",
    retry: "terminal",
  },
  KINSYNC_TARGET_PATH: {
    summary: "The path cannot be used as the container path of a mapping.",
    hint: "Map to a folder below the root, such as `/app/src`.",
    retry: "terminal",
  },
  KINSYNC_TARGET_READ_ONLY: {
    summary: "The path in the container is on a read-only file system.",
    hint: "Mount a writable volume at the path, for example an `emptyDir`.",
    retry: "terminal",
  },
  KINSYNC_TARGET_TAKEN: {
    summary: "Another kinsync now writes to this container path.",
    hint: "kinsync continues here when the other one has ended. To take the container back now, press `r` in `kinsync up`, or start it again.",
    retry: "terminal",
  },
  KINSYNC_TARGET_TIMEOUT: {
    summary: "The container did not reply in time.",
    hint: "No action needed. kinsync retries.",
    retry: "retry",
  },
  KINSYNC_TRANSPORT_CANNOT: {
    summary: "A mapping or a workload needs something that its transport cannot do.",
    hint: "Change the mapping, or name another transport in it.",
    retry: "terminal",
  },
  KINSYNC_TRANSPORT_CONSENT: {
    summary: "A transport changes objects of the cluster, and the config does not allow that.",
    hint: "To allow it, list the transport in `writesApi` of the config.",
    retry: "terminal",
  },
  KINSYNC_USAGE: {
    summary: "The command line is not valid.",
    hint: "Show the usage with `kinsync --help`.",
    retry: "terminal",
  },
} as const satisfies Record<string, ErrorEntry>;

/** A code of the table of errors (docs/reference/errors.md). */
export type ErrorCode = keyof typeof ERRORS;
