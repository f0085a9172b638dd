import type { Rejection } from "./choice.ts";
import type { AgentProcess } from "./probe.ts";
import type { FormerAgent } from "./program-source.ts";
import type { Runtime } from "./runtimes.ts";

/** Containers that a run remembers at most. */
const MAX_CONTAINERS = 10_000;

/** What a run learned of one container from earlier sessions. */
export interface KnownContainer {
  /** Agents that failed there. They are not started again. */
  readonly rejections: Map<Runtime, Rejection>;
  /** Agents whose connection was lost: their processes may still run. */
  readonly leftBehind: FormerAgent[];
  /** An agent that was sent with the probe would be in vain: another one runs there, or the container cannot skip it. */
  takesNothingAhead: boolean;
}

/** What a run learned of containers, by their IDs: a container that restarts has another one. */
export class KnownContainers {
  readonly #containers = new Map<string, KnownContainer>();

  of(containerId: string): KnownContainer {
    const known = this.#containers.get(containerId) ?? {
      rejections: new Map(),
      leftBehind: [],
      takesNothingAhead: false,
    };
    // The one that was not needed for the longest time goes first.
    this.#containers.delete(containerId);
    this.#containers.set(containerId, known);
    if (this.#containers.size > MAX_CONTAINERS) {
      for (const oldest of this.#containers.keys()) {
        this.#containers.delete(oldest);
        break;
      }
    }
    return known;
  }

  /** Notes a process that may have outlived its connection. The next session of this run with the container ends it. */
  leave(containerId: string, process: AgentProcess | undefined, signal: FormerAgent["signal"]): void {
    if (process !== undefined) this.of(containerId).leftBehind.push({ ...process, signal });
  }
}
