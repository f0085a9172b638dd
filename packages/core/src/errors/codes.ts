/** One line of the table of errors. */
interface ErrorEntry {
  /** When it is met, in one sentence. Becomes docs/reference/errors.md. */
  readonly summary: string;
  /** What to do next, where the place that fails knows nothing better. */
  readonly hint: string;
  readonly retry: "retry" | "gone" | "terminal";
}

/** The one table of codes, sorted. A code is permanent once released. */
export const ERRORS = {
  KINSYNC_CLUSTER_ANSWER: {
    summary: "The API server answered with something that is no Kubernetes answer.",
    hint: "Check that the server of the context is a Kubernetes API server and not a login page of a proxy.",
    retry: "retry",
  },
  KINSYNC_CLUSTER_BUSY: {
    summary: "The API server is overloaded, not ready, or failed inside.",
    hint: "Nothing to do: it is tried again.",
    retry: "retry",
  },
  KINSYNC_CLUSTER_CERTIFICATE: {
    summary: "The API server's certificate is not trusted.",
    hint: "Check certificate-authority of the cluster in the kubeconfig.",
    retry: "terminal",
  },
  KINSYNC_CLUSTER_CONTEXT_REFUSED: {
    summary: "The context is not local and nothing allows writing into its containers.",
    hint: "Name it: --context NAME, or contexts: [NAME] in the config.",
    retry: "terminal",
  },
  KINSYNC_CLUSTER_CONTEXT_UNKNOWN: {
    summary: "The kubeconfig has no such context.",
    hint: "See kubectl config get-contexts.",
    retry: "terminal",
  },
  KINSYNC_CLUSTER_CREDENTIALS: {
    summary: "The credentials were refused, or the program that fetches them failed.",
    hint: "Try kubectl get pods with the same context.",
    retry: "retry",
  },
  KINSYNC_CLUSTER_FORBIDDEN: {
    summary: "The present user may not do what is needed.",
    hint: "Ask for a Role with the rule that is named.",
    retry: "retry",
  },
  KINSYNC_CLUSTER_KUBECONFIG: {
    summary: "There is no kubeconfig, or it cannot be read.",
    hint: "Set KUBECONFIG, or make ~/.kube/config.",
    retry: "terminal",
  },
  KINSYNC_CLUSTER_UNREACHABLE: {
    summary: "The API server did not answer.",
    hint: "Check that the cluster is up and that the server of the context can be reached from here.",
    retry: "retry",
  },
  KINSYNC_CONFIG_CONFLICT: {
    summary: "Two parts of the config want different things of the same path.",
    hint: "Take one of them out, or give them roles that do not overlap.",
    retry: "terminal",
  },
  KINSYNC_CONFIG_FOREIGN: {
    summary: "The config file belongs to another user.",
    hint: "If you trust it, make it yours with chown.",
    retry: "terminal",
  },
  KINSYNC_CONFIG_INVALID: {
    summary: "The config has a key or a value that is not known.",
    hint: "See docs/reference/config.md.",
    retry: "terminal",
  },
  KINSYNC_CONFIG_NOT_FOUND: {
    summary: "The config file that was named is not there.",
    hint: "Check the path; it is relative to the working directory.",
    retry: "terminal",
  },
  KINSYNC_CONFIG_PARSE: {
    summary: "The config file cannot be parsed or run.",
    hint: "Mend the named place.",
    retry: "terminal",
  },
  KINSYNC_INTERNAL: {
    summary: "kinsync did something wrong.",
    hint: "Please report it with what is printed here.",
    retry: "terminal",
  },
  KINSYNC_PLUGIN_CONTRACT: {
    summary: "A plugin was written for another contract number.",
    hint: "Install versions of kinsync and of the plugin that go together.",
    retry: "terminal",
  },
  KINSYNC_PLUGIN_DUPLICATE: {
    summary: "Two plugins have one name or claim one root kind.",
    hint: "Take one of them out of the config.",
    retry: "terminal",
  },
  KINSYNC_PLUGIN_FAILED: {
    summary: "A plugin threw, hung, or gave an answer that makes no sense.",
    hint: "Report it to the plugin's author.",
    retry: "terminal",
  },
  KINSYNC_PLUGIN_NOT_FOUND: {
    summary: "A plugin that the config names is not installed beside it.",
    hint: "Install it in the folder of the config file: npm install NAME.",
    retry: "terminal",
  },
  KINSYNC_PLUGIN_SHAPE: {
    summary: "A plugin is not what defineKind or defineTransport give.",
    hint: "Its default export must be a function that returns the result of defineKind or defineTransport.",
    retry: "terminal",
  },
  KINSYNC_RESOLVE_AMBIGUOUS: {
    summary: "A name fits several kinds of the cluster.",
    hint: "Name the group too: kind.group/name.",
    retry: "terminal",
  },
  KINSYNC_RESOLVE_CONTAINER: {
    summary: "No member has such a container.",
    hint: "See kinsync tree WORKLOAD for the containers that there are.",
    retry: "terminal",
  },
  KINSYNC_RESOLVE_KIND: {
    summary: "The cluster knows no such kind.",
    hint: "See kubectl api-resources.",
    retry: "terminal",
  },
  KINSYNC_RESOLVE_NAMESPACE: {
    summary: "There is no such namespace.",
    hint: "See kubectl get namespaces.",
    retry: "terminal",
  },
  KINSYNC_RESOLVE_ROLE: {
    summary: "No member has such a role.",
    hint: "See kinsync tree WORKLOAD for the roles that there are.",
    retry: "terminal",
  },
  KINSYNC_RESOLVE_WORKLOAD: {
    summary: "There is no such workload in the namespace.",
    hint: "See kubectl get KIND -n NAMESPACE.",
    retry: "terminal",
  },
  KINSYNC_SOURCE_MISSING: {
    summary: "The local path of a mapping is not there.",
    hint: "Mend the local path of the mapping. It is relative to the config file, with --sync to the present folder.",
    retry: "terminal",
  },
  KINSYNC_SOURCE_UNREADABLE: {
    summary: "A local file or folder cannot be read or carried.",
    hint: "Make it readable, or ignore it.",
    retry: "retry",
  },
  KINSYNC_TARGET_DENIED: {
    summary: "The container's user may not write to the path.",
    hint: "Map to a folder that the container's user owns, or change its securityContext.",
    retry: "terminal",
  },
  KINSYNC_TARGET_FOREIGN: {
    summary: "Something that kinsync did not place stands in the way.",
    hint: "Remove it in the container, map elsewhere, or set mirror: true.",
    retry: "terminal",
  },
  KINSYNC_TARGET_FULL: {
    summary: "The container's file system has no room for the files.",
    hint: "Give the volume more room, or ignore what is not needed.",
    retry: "retry",
  },
  KINSYNC_TARGET_GONE: {
    summary: "The container or its pod is no more.",
    hint: "Nothing to do: its successor is caught up when it runs.",
    retry: "gone",
  },
  KINSYNC_TARGET_LOST: {
    summary: "The connection to a container ended before its answer came.",
    hint: "Nothing to do: it is opened again.",
    retry: "retry",
  },
  KINSYNC_TARGET_MOUNTED_FILE: {
    summary: "The path is a mount of a single file, which cannot be renamed over.",
    hint: "Set inPlace: true on the mapping, or mount the folder.",
    retry: "terminal",
  },
  KINSYNC_TARGET_NO_AGENT: {
    summary: "The container has nothing that could write files: no python3, perl, node, nor sh with tar.",
    hint: "Use another image for development, or share a volume with a sidecar of your own and name that with --container.",
    retry: "terminal",
  },
  KINSYNC_TARGET_PATH: {
    summary: "The path in the container cannot be a mapping's root.",
    hint: "Map to a folder of its own, such as /app/src.",
    retry: "terminal",
  },
  KINSYNC_TARGET_READ_ONLY: {
    summary: "The path in the container is on a read-only file system.",
    hint: "Mount a volume (emptyDir) at the path.",
    retry: "terminal",
  },
  KINSYNC_TARGET_TAKEN: {
    summary: "Another kinsync took the target over.",
    hint: "Stop one of the two.",
    retry: "terminal",
  },
  KINSYNC_TARGET_TIMEOUT: {
    summary: "The container did not answer in time.",
    hint: "Nothing to do: it is tried again.",
    retry: "retry",
  },
  KINSYNC_USAGE: {
    summary: "The command line is not right.",
    hint: "See kinsync --help.",
    retry: "terminal",
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;
