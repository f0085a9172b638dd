import type { ClusterTimeouts, LoginOverrides } from "@kinsync/core/cluster";
import type { InitialSync } from "@kinsync/core/contract";

/** How things are printed. */
export interface OutputOptions {
  readonly json: boolean;
  readonly color: boolean;
  readonly debug: boolean;
}

/** Which cluster, and where the config is. */
export interface ClusterOptions extends OutputOptions {
  readonly namespace: string | undefined;
  readonly context: string | undefined;
  readonly kubeconfig: string | undefined;
  /** Parts of the context that flags replace. */
  readonly login: LoginOverrides;
  /** `undefined` without `--request-timeout`. */
  readonly timeouts: ClusterTimeouts | undefined;
  readonly config: string | undefined;
  /** Profiles of the config. */
  readonly profiles: readonly string[];
  /** Labels of workloads, as kubectl writes them. */
  readonly selector: string | undefined;
}

/** What `up` and `sync` take besides. */
export interface SyncOptions extends ClusterOptions {
  /** `FROM:TO`, as given. */
  readonly sync: readonly string[];
  readonly container: string | undefined;
  readonly roles: readonly string[];
  readonly initial: InitialSync | undefined;
  readonly allowEmpty: boolean;
  readonly allowDeletes: boolean;
  /** Milliseconds. */
  readonly wait: number | undefined;
  /** Print what the containers write, too. */
  readonly logs: boolean;
  /** Keep copies of files for `undo`. */
  readonly history: boolean;
}
