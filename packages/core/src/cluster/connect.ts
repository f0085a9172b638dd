import type { ClientNodeConfig } from "../contract/client-node.ts";
import type { ClusterConnection } from "../contract/cluster.ts";
import type { ContextOptions, LoginOverrides } from "./auth/context.ts";
import type { CredentialTerminal } from "./auth/exec-plugin.ts";
import type { CommonOptions } from "./connection-options.ts";
import { Connection } from "./connection.ts";
import { kubeconfigLogin } from "./kubeconfig-login.ts";
import type { ClusterLogin } from "./login.ts";

/** A connection by a kubeconfig, or by the service account of a pod. */
export interface KubeconfigOptions extends CommonOptions, ContextOptions {
  /** Name of the context. Default: the current one; in a pod without a kubeconfig, `in-cluster`. */
  readonly context?: string;
  /** What replaces parts of the context. */
  readonly overrides?: LoginOverrides;
  /** Where credential plugins may prompt the user. Default: none; plugins then get `interactive: false`. */
  readonly terminal?: CredentialTerminal;
}

/** A connection by a `KubeConfig` of `@kubernetes/client-node`. */
export interface HandedOptions extends CommonOptions {
  /** It logs in, with its current context; kinsync reads no file. The proxies of `env` apply where it has no `proxyUrl`. */
  readonly kubeConfig: ClientNodeConfig;
}

export type ClusterOptions = KubeconfigOptions | HandedOptions;

/**
 * Reads the kubeconfig and returns a connection to its API server. Sends nothing to the server before the first request. With a
 * terminal it logs in at once, since a plugin may prompt.
 * @throws `KINSYNC_CLUSTER_KUBECONFIG`, `KINSYNC_CLUSTER_CONTEXT_UNKNOWN`, `KINSYNC_CLUSTER_CREDENTIALS` (a login method that
 * Kubernetes removed)
 * @example
 * await using cluster = await connectCluster({ env: process.env });
 * const pods = await cluster.request({ path: `/api/v1/namespaces/${cluster.namespace}/pods`, signal });
 */
export async function connectCluster(options: ClusterOptions): Promise<ClusterConnection> {
  const { signal = new AbortController().signal } = options;
  signal.throwIfAborted();
  const stop = new AbortController();
  const login = await loginOf(options, stop.signal);
  signal.throwIfAborted();
  const connection = new Connection(login, options, stop);
  if (!("kubeConfig" in options) && options.terminal !== undefined) {
    // A person may have to type, which takes longer than any request may.
    try {
      await login.get(signal);
    } catch (error) {
      await connection[Symbol.asyncDispose]();
      throw error;
    }
  }
  return connection;
}

async function loginOf(options: ClusterOptions, lifetime: AbortSignal): Promise<ClusterLogin> {
  if ("kubeConfig" in options) {
    const { clientNodeLogin } = await import("./client-node-login.ts");
    return clientNodeLogin(options.kubeConfig);
  }
  const { context, overrides = {}, terminal, timeouts } = options;
  const timeout = timeouts?.credentials ?? (terminal === undefined ? 60_000 : 300_000);
  return await kubeconfigLogin({ ...options, context, overrides, terminal, timeout, lifetime });
}
