import type { HooksConfig, RebuildAction, RestartAction, RunAction } from "./action.ts";
import type { ClientNodeConfig } from "./client-node.ts";
import type { KindPlugin } from "./kind.ts";
import type { KindRules } from "./rules.ts";
import type { MemberState } from "./state.ts";
import type { TransportPlugin } from "./transport.ts";

/** First sync of a target: compare checksums (`verify`), assume that it is up to date (`trust`), or send everything (`full`). */
export const INITIAL_SYNCS = Object.freeze(["verify", "trust", "full"] as const);

/** One of `INITIAL_SYNCS`. */
export type InitialSync = (typeof INITIAL_SYNCS)[number];

/**
 * What happens to permission bits. `portable`: new files get 0644, or 0755 where the local one is executable, new folders 0755; existing
 * files keep their mode but for the executable bits, existing folders keep theirs. `exact`: the modes of the local files and folders.
 */
export const MODE_RULES = Object.freeze(["portable", "exact"] as const);

/** One of `MODE_RULES`. */
export type ModeRule = (typeof MODE_RULES)[number];

/** `auto`: each save is released to the targets. `manual`: changes collect until `kinsync trigger`. */
export const RELEASE_MODES = Object.freeze(["auto", "manual"] as const);

/** When saves are released to the targets. */
export type ReleaseMode = (typeof RELEASE_MODES)[number];

/** How many members of a gang have to be prepared: all, this many, or this share of those that run. */
export type Quorum = "all" | number | `${number}%`;

/**
 * What happens when a member that was prepared does not commit. `hold`: the others keep the new snapshot, and it gets it as soon as it can.
 * `rollback`: all members go back to the snapshot before.
 */
export const GANG_FAILURES = Object.freeze(["hold", "rollback"] as const);

/** One of `GANG_FAILURES`. */
export type GangFailure = (typeof GANG_FAILURES)[number];

/** `independent`: each member gets a snapshot as soon as it can. `gang`: all get it at one moment, when all have staged it. */
export const UPDATE_MODES = Object.freeze(["independent", "gang"] as const);

/** One of `UPDATE_MODES`. */
export type UpdateMode = (typeof UPDATE_MODES)[number];

/** How members get a snapshot. The other keys are for a gang. */
export interface UpdateConfig {
  /** Whether each member counts for itself. */
  readonly mode: UpdateMode;
  /** How many members have to be prepared; the others get the snapshot when they can. Default: `all`. */
  readonly quorum?: Quorum;
  /** `30s`, `500ms`, `2m`: when the time is over, the quorum decides; without it the snapshot is given up. Default: no limit. */
  readonly timeout?: string;
  /** Default: `hold`. */
  readonly onFailure?: GangFailure;
}

/** The mode alone, or with options. */
export type UpdateRule = UpdateMode | UpdateConfig;

/** Files with ignore rules that a mapping can read. `Dockerfile.dockerignore` and the like belong to one Dockerfile. */
export type IgnoreFile = ".gitignore" | `${string}.dockerignore`;

/** A loaded transport by name, with options for this mapping. */
export type TransportReference = string | readonly [name: string, options: Readonly<Record<string, unknown>>];

/** One sync rule: local path to container path. */
export interface MappingConfig {
  /** Local file or folder, relative to the config file (without one, to the working directory). */
  readonly from: string;
  /** POSIX path in the container; relative ones start at the container's working directory. */
  readonly to: string;
  /** Paths to leave out, in gitignore syntax, relative to `from`. */
  readonly ignore?: readonly string[];
  /** `.git`, `node_modules`, virtual environments, temporary files of editors and the like are left out. Default: `true`. */
  readonly ignoreDefaults?: boolean;
  /**
   * Files whose rules apply too: `.gitignore`, `.dockerignore`, or `NAME.dockerignore` of one Dockerfile; also those above `from`, up to
   * the root of the repository. Default: none.
   */
  readonly ignoreFiles?: readonly IgnoreFile[];
  /** Only members of these roles. Default: all. */
  readonly roles?: readonly string[];
  /** Only members with these indexes. Default: all. */
  readonly indexes?: readonly string[];
  /** Only members whose verdict has all these labels, each with this value or one of these values. Default: all. */
  readonly labels?: Readonly<Record<string, string | readonly string[]>>;
  /** Container of each member. Default: see `WorkloadConfig.containers`. */
  readonly container?: string;
  /** Which members get the files. Default: `["current", "kept"]`. */
  readonly states?: readonly MemberState[];
  /** Write in place where a rename is impossible. Default: `false`. */
  readonly inPlace?: boolean;
  /**
   * Delete also what kinsync did not create, below a mapped folder. Other volumes that are mounted below it are left out, and a mapped
   * single file affects only itself. Default: `false`.
   */
  readonly mirror?: boolean;
  /** Default: `portable`. */
  readonly modes?: ModeRule;
  /** Name of the transport, or name and options. Default: `exec`. */
  readonly transport?: TransportReference;
  /** Default: `verify`. */
  readonly initial?: InitialSync;
}

/** A port of a member that `up` opens on this machine. */
export interface ForwardConfig {
  /** Port in the pod. */
  readonly port: number;
  /** Default: the same as `port`. */
  readonly localPort?: number;
  /** Address of this machine. Default: `127.0.0.1`, which other machines do not reach. */
  readonly address?: string;
  /** Only a member of this role. Default: any. */
  readonly role?: string;
  /** Only the member with this index. Default: the lowest. */
  readonly index?: string;
}

/** One workload to keep up to date. */
export interface WorkloadConfig {
  /** As kubectl names it: `jobset/train`, `deploy/web`, `pod/x`, `jobsets.jobset.x-k8s.io/train`. */
  readonly workload: string;
  /** Default: that of the context. */
  readonly namespace?: string;
  /** Container by name or by a part of its image. Default: the pod's default-container annotation, else the first that is not a sidecar. */
  readonly containers?: { readonly name?: string; readonly image?: string };
  /** What goes where. */
  readonly sync: readonly MappingConfig[];
  /** Commands after a commit that touched certain paths. */
  readonly run?: readonly RunAction[];
  /** Restarts or signals the process after the commands of `run`. Default: nothing is restarted. */
  readonly restart?: RestartAction;
  /** Runs a command on this machine when files change that only a new image brings. Default: none. */
  readonly rebuild?: RebuildAction;
  /** Commands on this machine around each release. Default: none. */
  readonly hooks?: HooksConfig;
  /** The files of the start are synced in both modes. Default: `auto`. */
  readonly mode?: ReleaseMode;
  /** Ports that `up` opens on this machine; each new connection goes to the member that is current then. */
  readonly forward?: readonly ForwardConfig[];
  /** Whether members get a snapshot each for itself, or all at one moment. Default: `independent`. */
  readonly update?: UpdateRule;
}

/** A plugin by package name, with options for its factory; for YAML and JSON. */
export type PluginReference = string | readonly [name: string, options: Readonly<Record<string, unknown>>];

/** A kind as data: a file of rules, relative to the config file, or the rules themselves. */
export interface RulesEntry {
  /** Path of a file, relative to the config; or the rules themselves. */
  readonly rules: string | KindRules;
}

/** A workload in a profile: the keys that it sets replace those of the entry with the same `workload`. */
export type ProfileWorkload = Pick<WorkloadConfig, "workload"> & Partial<WorkloadConfig>;

/** Settings that replace those of the config while the profile is chosen (`--profile`). */
export interface ProfileConfig extends Partial<Omit<KinsyncConfig, "$schema" | "profiles" | "workloads">> {
  /** Changes workloads of the config, and adds those that the config does not have. */
  readonly workloads?: readonly ProfileWorkload[];
}

/** The content of a config file. */
export interface KinsyncConfig {
  /** JSON schema of the file, for editors. It has no effect. */
  readonly $schema?: string;
  /** Context of the kubeconfig. Naming it here allows writing to it. Default: the current context. */
  readonly context?: string;
  /** Namespace of workloads that name none. Default: that of the context. */
  readonly namespace?: string;
  /** Kinds besides the built-in ones; one for the root of a built-in kind replaces it. */
  readonly kinds?: readonly (KindPlugin | PluginReference | RulesEntry)[];
  /** Transports besides the built-in ones; one of its name replaces it. */
  readonly transports?: readonly (TransportPlugin | PluginReference)[];
  /**
   * Returns a `KubeConfig` of `@kubernetes/client-node`, which logs in in place of the kubeconfig; for configs in TypeScript and
   * JavaScript. `--context` and `--kubeconfig` take precedence. Default: the kubeconfig, as kubectl reads it.
   */
  readonly cluster?: () => ClientNodeConfig | Promise<ClientNodeConfig>;
  /** Contexts that kinsync may write to, besides the local ones. */
  readonly contexts?: readonly string[];
  /**
   * Transports that may change objects of the cluster, by name: `configmap`, `secret`. Default: none, and kinsync changes no object; a
   * mapping with such a transport is then refused.
   */
  readonly writesApi?: readonly string[];
  /** What to keep up to date. */
  readonly workloads: readonly WorkloadConfig[];
  /** Settings by name, for `--profile`. */
  readonly profiles?: Readonly<Record<string, ProfileConfig>>;
}

/** Checks the type of a config and returns it unchanged. */
export function defineConfig(config: KinsyncConfig): KinsyncConfig {
  return config;
}
