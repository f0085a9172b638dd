import { KinsyncError } from "../../errors/error.ts";
import { byNearness } from "../../text/did-you-mean.ts";
import { checkCluster, checkUser } from "./check-entries.ts";
import { IN_CLUSTER, loadInCluster } from "./in-cluster.ts";
import {
  ANONYMOUS,
  kubeconfigPaths,
  loadKubeconfig,
  type ChosenContext,
  type Kubeconfig,
  type KubeconfigCluster,
  type KubeconfigPlaces,
  type KubeconfigUser,
} from "./kubeconfig.ts";
import { serverOf } from "../net/server.ts";

/** Where to find the kubeconfig. */
export interface ContextOptions extends KubeconfigPlaces {
  /** Folder of the service account inside a pod. Default: `/var/run/secrets/kubernetes.io/serviceaccount`. */
  readonly serviceAccount?: string;
}

/** What replaces parts of the chosen context, as the flags of kubectl with these names do. */
export interface LoginOverrides {
  /** Name of another cluster entry. */
  readonly cluster?: string | undefined;
  /** Name of another user entry. */
  readonly user?: string | undefined;
  /** User to impersonate. */
  readonly as?: string | undefined;
  /** Groups to impersonate; they need `as`. */
  readonly asGroups?: readonly string[] | undefined;
  /** UID to impersonate; it needs `as`. */
  readonly asUid?: string | undefined;
}

/** One context of the kubeconfig, without anything secret. */
export interface ContextInfo {
  readonly name: string;
  /** `https://host:port`, without credentials; `undefined` where the cluster entry is missing. */
  readonly server: string | undefined;
  readonly cluster: string | undefined;
  readonly user: string | undefined;
  /** `undefined`: `default`. */
  readonly namespace: string | undefined;
}

export interface ContextList {
  /** Name of the context that is used where none is named. */
  readonly current: string | undefined;
  readonly contexts: readonly ContextInfo[];
}

/**
 * All contexts, in the order of the files. Without any context the list is empty; in a pod without a kubeconfig it
 * is the one of the service account.
 * @throws `KINSYNC_CLUSTER_KUBECONFIG`: a file cannot be read or parsed.
 */
export async function listContexts(options: ContextOptions): Promise<ContextList> {
  const config = await loadKubeconfig(options);
  if (config === undefined || config.contexts.size === 0) {
    const pod = await loadInCluster(options);
    if (pod === undefined) return { current: undefined, contexts: [] };
    const server = serverOf(pod.cluster).href;
    return {
      current: IN_CLUSTER,
      contexts: [{ name: IN_CLUSTER, server, cluster: undefined, user: undefined, namespace: pod.namespace }],
    };
  }
  const contexts = [...config.contexts.values()].map((context) => ({
    name: context.name,
    server: safeServer(config.clusters.get(context.cluster ?? "")),
    cluster: context.cluster,
    user: context.user,
    namespace: context.namespace,
  }));
  return { current: config.currentContext, contexts };
}

/**
 * Chooses the context by its name, or the current one. Without any kubeconfig it uses the service account of the pod.
 * @throws `KINSYNC_CLUSTER_KUBECONFIG` (also where kubectl refuses its entries), `KINSYNC_CLUSTER_CONTEXT_UNKNOWN`
 */
export async function chooseContext(
  options: ContextOptions,
  wanted: string | undefined,
  overrides: LoginOverrides = {},
): Promise<ChosenContext> {
  const chosen = await choose(options, wanted, overrides);
  const user = impersonating(chosen.user, overrides);
  checkCluster(chosen.cluster);
  checkUser(user);
  return { ...chosen, user };
}

async function choose(
  options: ContextOptions,
  wanted: string | undefined,
  overrides: LoginOverrides,
): Promise<ChosenContext> {
  const config = await loadKubeconfig(options);
  const empty = config === undefined || config.contexts.size === 0;
  if ((empty && options.kubeconfig === undefined) || (wanted === IN_CLUSTER && !config?.contexts.has(wanted))) {
    const pod = await loadInCluster(options);
    if (pod !== undefined && (wanted === undefined || wanted === IN_CLUSTER)) return pod;
  }
  if (config === undefined) throw noKubeconfig(options);
  const name = wanted ?? config.currentContext;
  const context = name === undefined ? undefined : config.contexts.get(name);
  if (name === undefined || context === undefined) throw unknownContext(config, name, wanted !== undefined);
  const [clusterName, userName] = [overrides.cluster ?? context.cluster, overrides.user ?? context.user];
  const cluster = config.clusters.get(clusterName ?? "");
  if (cluster === undefined) {
    if (overrides.cluster !== undefined) throw unknownEntry(config, "cluster", overrides.cluster);
    throw dangling(config, name, "cluster", context.cluster);
  }
  // A context without a user is allowed; the server may answer 401.
  const user = userName === undefined ? ANONYMOUS : config.users.get(userName);
  if (user === undefined) {
    if (overrides.user !== undefined) throw unknownEntry(config, "user", overrides.user);
    throw dangling(config, name, "user", context.user);
  }
  return { name, namespace: context.namespace ?? "default", cluster, user };
}

function impersonating(user: KubeconfigUser, { as, asGroups, asUid }: LoginOverrides): KubeconfigUser {
  return {
    ...user,
    ...(as === undefined ? {} : { impersonate: as }),
    ...(asUid === undefined ? {} : { impersonateUid: asUid }),
    ...(asGroups === undefined || asGroups.length === 0 ? {} : { impersonateGroups: asGroups }),
  };
}

function unknownEntry(config: Kubeconfig, part: "cluster" | "user", name: string): KinsyncError {
  const names = [...(part === "cluster" ? config.clusters : config.users).keys()];
  const hint = names.length === 0 ? `It has no ${part}s.` : `Known ${part}s: ${oneOf(byNearness(name, names))}`;
  const message = `There is no ${part} "${name}" in ${config.files.join(", ")}`;
  return new KinsyncError("KINSYNC_CLUSTER_KUBECONFIG", message, { hint });
}

function safeServer(cluster: KubeconfigCluster | undefined): string | undefined {
  try {
    return cluster === undefined ? undefined : serverOf(cluster).href;
  } catch {
    return undefined;
  }
}

function noKubeconfig(options: ContextOptions): KinsyncError {
  const paths = kubeconfigPaths(options);
  const where = paths.length === 0 ? "neither KUBECONFIG nor HOME is set" : `looked for ${paths.join(", ")}`;
  const hint =
    options.kubeconfig === undefined
      ? {}
      : { hint: "Fix the path: a kubeconfig that is named explicitly is the only one read." };
  return new KinsyncError("KINSYNC_CLUSTER_KUBECONFIG", `There is no kubeconfig: ${where}`, hint);
}

const NO_CONTEXTS =
  "The kubeconfig has no contexts. Log in with your cluster's tool, or name another kubeconfig: --kubeconfig FILE.";

function unknownContext(config: Kubeconfig, name: string | undefined, named: boolean): KinsyncError {
  const names = [...config.contexts.keys()];
  const files = config.files.join(", ");
  if (name === undefined) {
    const message = `No context is named, and ${files} has no current-context`;
    const hint = names.length === 0 ? NO_CONTEXTS : `Name one: --context ${oneOf(names)}`;
    return new KinsyncError("KINSYNC_CLUSTER_CONTEXT_UNKNOWN", message, { hint, details: { contexts: names } });
  }
  const message = named
    ? `There is no context "${name}" in ${files}`
    : `The current-context "${name}" is not among the contexts of ${files}`;
  const hint = names.length === 0 ? NO_CONTEXTS : `Known contexts: ${oneOf(byNearness(name, names))}`;
  return new KinsyncError("KINSYNC_CLUSTER_CONTEXT_UNKNOWN", message, { hint, details: { contexts: names } });
}

function oneOf(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(", ");
  return names.length > 5 ? `${shown}, and ${names.length - 5} more` : shown;
}

function dangling(
  config: Kubeconfig,
  context: string,
  part: "cluster" | "user",
  name: string | undefined,
): KinsyncError {
  const which = name === undefined ? `names no ${part}` : `names the ${part} "${name}", which does not exist`;
  return new KinsyncError(
    "KINSYNC_CLUSTER_KUBECONFIG",
    `The context "${context}" of ${config.files.join(", ")} ${which}`,
    { hint: `Fix it: kubectl config set-context ${context} --${part}=NAME` },
  );
}
