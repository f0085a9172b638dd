import type { FaultPlan } from "./fault-plan.ts";
import type { PlaygroundStore } from "../store/playground-store.ts";
import type { ContainerRuntime } from "../world.ts";

/** What all parts of the API server share. */
export interface ApiContext {
  readonly store: PlaygroundStore;
  readonly runtime: ContainerRuntime;
  readonly faults: FaultPlan;
  /** Time between the bookmarks of a watch that requests them. Milliseconds. */
  readonly bookmarkInterval: number;
  /** Version that `/version` reports: `v1.34.0`. */
  readonly version: string;
}
