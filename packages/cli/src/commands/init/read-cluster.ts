import { existsSync } from "node:fs";
import { relative, resolve } from "node:path";
import type { ListedWorkload } from "@kinsync/core";
import type { ClusterConnection } from "@kinsync/core/contract";
import { isKinsyncError, type KinsyncError } from "@kinsync/core/contract";
import type { KindEntry } from "@kinsync/core/project";
import type { Io } from "../../io.ts";
import { credentialTerminal } from "../../setup/credential-terminal.ts";
import type { ClusterOptions } from "../../setup/options.ts";
import { projectOptions } from "../../setup/project.ts";

/** Milliseconds for the members of one workload. */
const MEMBERS_MS = 15_000;

/** A container that could take the files of a workload. */
export interface ContainerFacts {
  readonly name: string;
  readonly image: string;
  readonly workingDirectory: string | undefined;
}

/** What the pods of a workload tell. */
export interface WorkloadFacts {
  /** Containers of a pod, without those that only prepare it; none where it has no pod yet. */
  readonly containers: readonly ContainerFacts[];
  /** The one that takes files where a rule names none. */
  readonly defaultContainer: string | undefined;
}

/** A cluster that `init` can look at. */
export interface ClusterFacts extends AsyncDisposable {
  readonly context: string;
  readonly namespace: string;
  readonly workloads: readonly ListedWorkload[];
  /** Names of the kinds whose workloads are listed. */
  readonly kinds: readonly string[];
  /** What could not be read. */
  readonly problems: readonly KinsyncError[];
  /** What a person should know. */
  readonly notes: readonly string[];
  /** Looks at the pods of a workload. Nothing is known of one that does not exist. */
  factsOf(workload: string, namespace: string | undefined): Promise<WorkloadFacts>;
}

/** Connects, and lists the workloads of the namespace. Rejects with errors of area CLUSTER. */
export async function readCluster(options: ClusterOptions, io: Io): Promise<ClusterFacts> {
  const [{ connectCluster }, { listWorkloads }, { kinds, notes }] = await Promise.all([
    import("@kinsync/core/cluster"),
    import("@kinsync/core"),
    kindsOf(options, io),
  ]);
  const { context, kubeconfig, namespace, login, timeouts } = options;
  const terminal = credentialTerminal(io);
  const cluster = await connectCluster({
    env: io.env,
    signal: io.signal,
    overrides: login,
    ...(context === undefined ? {} : { context }),
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(timeouts === undefined ? {} : { timeouts }),
    ...(terminal === undefined ? {} : { terminal }),
  });
  try {
    const { workloads, problems } = await listWorkloads(cluster, kinds, {
      namespace: cluster.namespace,
      signal: io.signal,
    });
    const [problem] = problems;
    if (workloads.length === 0 && problem !== undefined) throw problem;
    return {
      context: cluster.context,
      namespace: cluster.namespace,
      workloads,
      kinds: kinds.map(({ name }) => name),
      problems,
      notes,
      factsOf: (workload, where) => factsOf(workload, { cluster, kinds, namespace: where, signal: io.signal }),
      [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
    };
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
}

/** The built-in kinds, and those of the config that there is already. One that cannot be read stops nothing: it may be replaced. */
async function kindsOf(
  options: ClusterOptions,
  io: Io,
): Promise<{ readonly kinds: readonly KindEntry[]; readonly notes: readonly string[] }> {
  const { loadKinds } = await import("@kinsync/core/project");
  const named = options.config === undefined ? undefined : resolve(io.cwd, options.config);
  const config = named !== undefined && existsSync(named) ? options.config : undefined;
  try {
    const { kinds, path } = await loadKinds(projectOptions({ ...options, config, profiles: [] }, io, {}));
    if (path === undefined) return { kinds, notes: [] };
    const file = relative(io.cwd, path);
    return {
      kinds,
      notes: [`workloads are listed with the kinds of ${file}; a config that replaces it needs them, too`],
    };
  } catch (error) {
    if (!isKinsyncError(error)) throw error;
    const { builtInKinds } = await import("../../setup/built-in.ts");
    return { kinds: builtInKinds(), notes: [`only built-in kinds are listed: ${error.message}`] };
  }
}

interface Looking {
  readonly cluster: ClusterConnection;
  readonly kinds: readonly KindEntry[];
  readonly namespace: string | undefined;
  readonly signal: AbortSignal;
}

async function factsOf(workload: string, { cluster, kinds, namespace, signal }: Looking): Promise<WorkloadFacts> {
  const { findWorkload, ReflectorPool, resolveOnce } = await import("@kinsync/core");
  const none: WorkloadFacts = { containers: [], defaultContainer: undefined };
  try {
    const { ref, kind } = await findWorkload(cluster, kinds, workload, {
      signal,
      ...(namespace === undefined ? {} : { namespace }),
    });
    await using reflectors = new ReflectorPool({ cluster });
    const { members } = await resolveOnce({ cluster, reflectors, ref, kind, kinds, signal, limit: MEMBERS_MS });
    const member = members.find(({ state }) => state === "current") ?? members[0];
    if (member === undefined) return none;
    return {
      containers: member.containers
        .filter(({ type }) => type === "container" || type === "sidecar")
        .map(({ name, image, spec }) => ({ name, image, workingDirectory: spec.workingDir })),
      defaultContainer: member.defaultContainer,
    };
  } catch (error) {
    signal.throwIfAborted();
    // A mistyped name or a Service is a mistake; a workload that is not there yet, or cannot be read, is not.
    if (isKinsyncError(error) && MISTAKES.has(error.code)) throw error;
    return none;
  }
}

const MISTAKES: ReadonlySet<string> = new Set(["KINSYNC_USAGE", "KINSYNC_RESOLVE_OWNS_NO_PODS"]);
