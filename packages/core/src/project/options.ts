import type { ClusterConnection } from "../contract/cluster.ts";
import type { InitialSync, KinsyncConfig } from "../contract/config.ts";
import type { KinsyncError } from "../errors/error.ts";
import type { WorkloadPlan } from "../config/resolve.ts";
import type { KindEntry, TransportEntry } from "../plugins/host.ts";
import type { PluginRegistry } from "../plugins/registry.ts";
import type { LoginOverrides } from "../cluster/auth/context.ts";
import type { CredentialTerminal } from "../cluster/auth/exec-plugin.ts";
import type { Environment } from "../cluster/auth/kubeconfig.ts";
import type { ClusterTimeouts } from "../cluster/connection-options.ts";

/** A kind or a transport, as its factory returns it; or one whose code is imported when a workload or a mapping needs it. */
export type Plugin = KindEntry | TransportEntry;

/** What a command line chooses and changes. */
export interface ProjectFlags {
  /** Workloads, as kubectl names them. Default: all of the config. */
  readonly workloads?: readonly string[] | undefined;
  /**
   * Only workloads whose object in the cluster has these labels, as kubectl writes them: `app=web,tier!=cache`. A name in `workloads` may
   * then be a resource alone (`deploy`): all objects of that resource in the namespace that the selector fits.
   */
  readonly selector?: string | undefined;
  /** `FROM:TO`. They take the place of the config's mappings for `workloads`; `from` is relative to `cwd`. */
  readonly sync?: readonly string[] | undefined;
  /** Chooses between workloads of one name; else it takes the place of the config's namespace. */
  readonly namespace?: string | undefined;
  /** Container of each member, for every mapping. */
  readonly container?: string | undefined;
  /** Only members of these roles: mappings for other roles are left out. */
  readonly roles?: readonly string[] | undefined;
  readonly initial?: InitialSync | undefined;
}

/** A part of a project that is known now, while the next one may take long. */
export type ProjectStep =
  /** `notes`: about files that are not used as config. */
  | { readonly step: "config"; readonly notes: readonly string[] }
  | { readonly step: "planned"; readonly workloads: readonly WorkloadPlan[] }
  | { readonly step: "plugins"; readonly registry: PluginRegistry }
  | { readonly step: "connected"; readonly cluster: ClusterConnection };

export interface OpenProjectOptions {
  /** Folder that the search for a config starts in, and that paths of `inline` and `flags` are relative to. */
  readonly cwd: string;
  /** `HOME`, `KUBECONFIG` and proxies are read from it; credential plugins inherit it. */
  readonly env: Environment;
  /** The config as an object; then no file is looked for. */
  readonly inline?: KinsyncConfig | undefined;
  /** A config file, relative to `cwd`. Default: searched from `cwd` upwards. */
  readonly config?: string | undefined;
  readonly flags?: ProjectFlags | undefined;
  /** Profiles of the config to apply, in this order. Default: none. */
  readonly profiles?: readonly string[] | undefined;
  /** Plugins that need no entry in the config; the config may replace them. A function is called when they are needed. */
  readonly plugins?: readonly Plugin[] | (() => Promise<readonly Plugin[]>) | undefined;
  /** Export conditions for plugin packages, besides Node's own. Default: none. */
  readonly conditions?: readonly string[] | undefined;
  /**
   * File URL of a module of the running program. A config or plugin that imports a package of kinsync, which its project lacks, gets the
   * one that this module would get. Default: `@kinsync/core` only.
   */
  readonly program?: string | undefined;
  /** Name of the context. Default: that of the config, else the current one. Naming it, here or there, allows writing to it. */
  readonly context?: string | undefined;
  /** A kubeconfig file. Default: `KUBECONFIG`, else that in the home folder, else the service account of the pod. */
  readonly kubeconfig?: string | undefined;
  /** What replaces parts of the context, as kubectl's flags `--as`, `--as-group`, `--as-uid`, `--user` and `--cluster` do. */
  readonly login?: LoginOverrides | undefined;
  /** Where a credential plugin may prompt the user. Default: none; plugins then get `interactive: false`. */
  readonly terminal?: CredentialTerminal | undefined;
  /** Time limits of requests. */
  readonly timeouts?: ClusterTimeouts | undefined;
  /** A connection that stays open when the project is closed. Default: one is made from `context` and `kubeconfig`. */
  readonly cluster?: ClusterConnection | undefined;
  /**
   * `read`: mappings, transports and the context need not be right, since nothing is written. `plan`: the context need not be allowed, since
   * `Project.plan` changes nothing. `check`: as `read`, but `Project.permissions` are those of a run. Default: `write`.
   */
  readonly access?: "read" | "check" | "plan" | "write" | undefined;
  /**
   * Starts a watchdog when the config has plugins: one that loops or blocks in a synchronous call ends the process. Reports the error
   * synchronously, and returns the exit code. Default: no watchdog.
   */
  readonly onPluginBlocked?: ((error: KinsyncError) => number) | undefined;
  /**
   * Called once for each workload, or its namespace, that does not exist; opening then waits until all exist. Default: opening rejects with
   * that error.
   */
  readonly onMissing?: ((error: KinsyncError) => void) | undefined;
  /** Ends the opening. Every request has a time limit of its own. Default: none. */
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: ((step: ProjectStep) => void) | undefined;
}
