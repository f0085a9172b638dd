import type { FaultPlan } from "./fault-plan.ts";
import type { PlaygroundStore } from "../store/playground-store.ts";
import type { ContainerRuntime } from "../world.ts";

/** What every part of the API server works on. */
export interface ApiContext {
  readonly store: PlaygroundStore;
  readonly runtime: ContainerRuntime;
  readonly faults: FaultPlan;
  /** How often a watch that asks for bookmarks gets one. Milliseconds. */
  readonly bookmarkInterval: number;
  /** Version that `/version` tells: `v1.34.0`. */
  readonly version: string;
}
