import type { ClientNodeConfig } from "../contract/client-node.ts";
import type { ClusterConnection } from "../contract/cluster.ts";
import type { KinsyncConfig } from "../contract/config.ts";
import { KinsyncError } from "../errors/error.ts";
import { untilAborted } from "../time/deadline.ts";
import type { OpenProjectOptions } from "./options.ts";

/** Milliseconds for `cluster` of the config to return. */
const CLUSTER_LIMIT_MS = 60_000;

/**
 * Connects by `cluster` of the config, or as kubectl does where the config has none or the command line chooses.
 * @param onConnect as of `connectCluster`
 */
export async function openCluster(
  config: KinsyncConfig,
  options: OpenProjectOptions,
  signal: AbortSignal,
  onConnect?: () => void,
): Promise<ClusterConnection> {
  const { connectCluster } = await import("../cluster/connect.ts");
  const { env, kubeconfig, login, terminal, timeouts, flags } = options;
  const { namespace = config.namespace } = flags ?? {};
  const common = {
    env,
    signal,
    ...(timeouts === undefined ? {} : { timeouts }),
    ...(onConnect === undefined ? {} : { onConnect }),
    ...(namespace === undefined ? {} : { namespace }),
  };
  if (config.cluster !== undefined && options.context === undefined && kubeconfig === undefined) {
    return await connectCluster({ ...common, kubeConfig: await kubeConfigOf(config.cluster, signal) });
  }
  const { context = config.context } = options;
  return await connectCluster({
    ...common,
    ...(login === undefined ? {} : { overrides: login }),
    ...(terminal === undefined ? {} : { terminal }),
    ...(context === undefined ? {} : { context }),
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
  });
}

async function kubeConfigOf(
  make: NonNullable<KinsyncConfig["cluster"]>,
  signal: AbortSignal,
): Promise<ClientNodeConfig> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(CLUSTER_LIMIT_MS)]);
  let value: unknown;
  try {
    value = await untilAborted(Promise.resolve(make()), limit);
  } catch (cause) {
    signal.throwIfAborted();
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new KinsyncError("KINSYNC_CONFIG_INVALID", `cluster of the config failed: ${why}`, {
      cause,
      hint: "It must return a KubeConfig of @kubernetes/client-node.",
    });
  }
  if (isKubeConfig(value)) return value;
  throw new KinsyncError(
    "KINSYNC_CONFIG_INVALID",
    "cluster of the config returned something that is not a KubeConfig",
    {
      hint: "Return a KubeConfig of @kubernetes/client-node 2 or newer, after loadFromDefault().",
    },
  );
}

function isKubeConfig(value: unknown): value is ClientNodeConfig {
  if (typeof value !== "object" || value === null) return false;
  const methods = ["getCurrentContext", "getContextObject", "getCurrentCluster", "applyToHTTPSOptions"] as const;
  return methods.every((name) => typeof (value as Record<string, unknown>)[name] === "function");
}
