import type { RunAction } from "./action.ts";
import type { KindPlugin, MemberState } from "./kind.ts";
import type { TransportPlugin } from "./transport.ts";

/** How the first contact with a target begins: look what is there, take it for granted, or send everything. */
export type InitialSync = "verify" | "trust" | "full";

/** One sync rule: local path to container path. */
export interface MappingConfig {
  /** Local file or folder, relative to the config file (without one, to the working directory). */
  readonly from: string;
  /** POSIX path in the container; relative ones start at the container's working directory. */
  readonly to: string;
  /** Paths not to carry, in gitignore syntax, relative to `from`. */
  readonly ignore?: readonly string[];
  /** `.git`, `node_modules`, editors' temporary files and the like. Default: `true`. */
  readonly ignoreDefaults?: boolean;
  /** Files whose rules are read too: `.gitignore`, `.dockerignore`. Default: none. */
  readonly ignoreFiles?: readonly (".gitignore" | ".dockerignore")[];
  /** Only members of these roles. Default: all. */
  readonly roles?: readonly string[];
  /** Only members with these indexes. Default: all. */
  readonly indexes?: readonly string[];
  /** Container of each member. Default: see `WorkloadConfig.containers`. */
  readonly container?: string;
  /** Which members get the files. Default: `["current", "kept"]`. */
  readonly states?: readonly MemberState[];
  /** Write in place where a rename is impossible. Default: `false`. */
  readonly inPlace?: boolean;
  /** Delete what kinsync did not place, too. Default: `false`. */
  readonly mirror?: boolean;
  /** Name of the transport. Default: `exec`. */
  readonly transport?: string;
  /** Default: `verify`. */
  readonly initial?: InitialSync;
}

/** One workload to keep in step. */
export interface WorkloadConfig {
  /** As kubectl names it: `jobset/train`, `deploy/web`, `pod/x`, `jobsets.jobset.x-k8s.io/train`. */
  readonly workload: string;
  /** Default: that of the context. */
  readonly namespace?: string;
  /** Container by name or by a part of its image. Default: the pod's default-container annotation, else the first that is no sidecar. */
  readonly containers?: { readonly name?: string; readonly image?: string };
  readonly sync: readonly MappingConfig[];
  /** Commands after a commit that touched certain paths. */
  readonly run?: readonly RunAction[];
}

/** A plugin by package name, with options for its factory; for YAML and JSON. */
export type PluginReference = string | readonly [name: string, options: Readonly<Record<string, unknown>>];

/** What a config file holds. */
export interface KinsyncConfig {
  /** Kinds besides the built-in ones; one for a built-in's root replaces it. */
  readonly kinds?: readonly (KindPlugin | PluginReference)[];
  readonly transports?: readonly (TransportPlugin | PluginReference)[];
  /** Contexts that kinsync may write to, besides the local ones. */
  readonly contexts?: readonly string[];
  readonly workloads: readonly WorkloadConfig[];
}

/** Types a config; gives it back as it is. */
export function defineConfig(config: KinsyncConfig): KinsyncConfig {
  return config;
}
