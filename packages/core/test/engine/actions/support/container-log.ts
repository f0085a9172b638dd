import type { ResolvedAction } from "../../../../src/mapping/action.ts";
import type { MemoryContainer } from "../../../support/memory-container.ts";

/** A command, or a restart with its two steps, in one container. */
export interface Run {
  readonly begin: number;
  /** Of its workload's released snapshots, the newest one that touched the action when it began. */
  end: number;
  how: "runs" | "succeeded" | "failed";
}

/** A batch that a session of the container staged or applied. */
export interface Change {
  readonly at: number;
  readonly what: "staged" | "applied";
  readonly root: string;
  readonly snapshot: number;
  readonly paths: readonly string[];
}

export interface ContainerLog {
  readonly container: MemoryContainer;
  readonly changes: Change[];
  readonly opens: number[];
  readonly runs: Map<ResolvedAction, Run[]>;
}

/** Another attempt follows for commands that failed. */
export interface Retry {
  readonly at: number;
  readonly why: "retry" | "dismiss";
}
