import type { RunAction } from "@kinsync/core/contract";

export type IgnoreFile = ".gitignore" | `${string}.dockerignore`;

/** One sync rule of a config that is being made. */
export interface ProposedRule {
  /** POSIX path relative to the folder of the config. */
  readonly from: string;
  readonly to: string;
  readonly ignore?: readonly string[];
  readonly ignoreFiles?: readonly IgnoreFile[];
  readonly container?: string;
  /** Where it comes from, for a comment: `COPY in Dockerfile:4`. */
  readonly because: string;
}

/** A command of a config that is being made. */
export interface ProposedRun extends Pick<RunAction, "when" | "command"> {
  readonly because: string;
}

/** One workload of a config that is being made. */
export interface ProposedWorkload {
  readonly workload: string;
  readonly namespace?: string | undefined;
  readonly container?: string | undefined;
  readonly sync: readonly ProposedRule[];
  readonly run: readonly ProposedRun[];
}

/** Everything that goes into the file. */
export interface ProposedConfig {
  /** A context that kinsync may write to, besides local ones. */
  readonly context: string | undefined;
  readonly workloads: readonly ProposedWorkload[];
  /** What another tool's file has and the config has not, each with the reason. */
  readonly leftOut: readonly string[];
}

/** Rules and commands of another tool for one image or workload. */
export interface ImportedEntry {
  /** Names of images whose containers get the files. */
  readonly images: readonly string[];
  /** As kubectl names it, where the file or a manifest of it says so. */
  readonly workload: string | undefined;
  readonly namespace?: string | undefined;
  readonly container?: string | undefined;
  readonly sync: readonly ProposedRule[];
  readonly run: readonly ProposedRun[];
}

/** What could be read of another tool's file. */
export interface Imported {
  readonly entries: readonly ImportedEntry[];
  readonly leftOut: readonly string[];
}
