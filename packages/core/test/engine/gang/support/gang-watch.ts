import { expect } from "vitest";
import type { Batch } from "../../../../src/contract/transport.ts";
import { neededOf } from "../../../../src/engine/gang/barrier.ts";
import type { EngineEvent, GangEvent } from "../../../../src/engine/events.ts";
import type { GangPolicy } from "../../../../src/mapping/gang-policy.ts";
import type { Environment } from "../../support/environment.ts";
import { ALL_MAPPINGS, rootKeyOf, teamOf } from "../../support/model.ts";

/**
 * Watches a run of gangs from the outside: the events, the statuses of the targets, and each batch that a container applies. What is wrong
 * is collected, since nothing that it throws would reach the test.
 */
export class GangWatch {
  readonly problems: string[] = [];
  readonly #environment: Environment;
  readonly #policy: GangPolicy;
  /** Numbers of released snapshots, by workload. */
  readonly #released = new Map<string, Set<number>>();
  /** Workloads whose members commit, go back, or change by themselves. */
  readonly #moving = new Set<string>();

  constructor(environment: Environment, policy: GangPolicy) {
    this.#environment = environment;
    this.#policy = policy;
    environment.onEvent = (event) => this.#check(() => this.#onEvent(event));
    environment.onApply = (batch) => this.#check(() => this.#onApply(batch));
  }

  #check(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.problems.push(String(error));
    }
  }

  #onEvent(event: EngineEvent): void {
    if (event.event === "snapshot") {
      const released = this.#released.get(event.workload) ?? new Set();
      this.#released.set(event.workload, released.add(event.snapshot));
    }
    if (event.event !== "gang") return;
    if (event.phase === "released") this.#onReleased(event);
    if (event.phase === "released" || event.phase === "rolled-back") this.#moving.add(event.workload);
    if (event.phase === "committed" || event.phase === "preparing") this.#moving.delete(event.workload);
  }

  /** Those that the gang counts as prepared have reported that they are; nobody but a quorum leaves anybody out. */
  #onReleased({ workload, snapshot, prepared, members }: GangEvent): void {
    const { targets = [] } = this.#environment.engine.view().workloads.find(({ name }) => name === workload) ?? {};
    const running = targets.filter(({ containerId }) => containerId !== undefined);
    const ready = running.filter(({ reason }) => reason.startsWith(`prepared for snapshot ${snapshot};`));
    const others = running.filter((each) => !ready.includes(each));
    const shown = others.map(({ pod, status, reason }) => `${pod}: ${status}, ${reason}`).join("; ");
    expect(members, `${workload}: members of snapshot ${snapshot}`).toBe(running.length);
    expect(prepared, `${workload}, snapshot ${snapshot}`).toBeGreaterThanOrEqual(
      neededOf(this.#policy.quorum, running.length),
    );
    // A follower shows the status of the target that writes for it.
    const own = others.filter(({ reason }) => !reason.includes("shares its files") && !reason.includes("through pod/"));
    expect(running.length - own.length, `${workload}, snapshot ${snapshot}: ${shown}`).toBeGreaterThanOrEqual(
      neededOf(this.#policy.quorum, running.length),
    );
  }

  /** No container gets bytes of a snapshot that is not released. */
  #onApply({ root, entries, snapshot }: Batch): void {
    const mapping = ALL_MAPPINGS.find((each) => rootKeyOf(each) === root.key);
    if (entries.length === 0 || mapping === undefined) return;
    const workload = `team/${teamOf(mapping)}`;
    const released = this.#released.get(workload) ?? new Set();
    expect([...released], `${mapping.id}: a batch of snapshot ${snapshot}`).toContain(snapshot);
  }

  /** Targets whose pass ended hold one snapshot, but while the members of a barrier commit. */
  expectNoMixedState(): void {
    expect(this.problems).toEqual([]);
    for (const { name, snapshot, targets } of this.#environment.engine.view().workloads) {
      if (this.#moving.has(name)) continue;
      for (const target of targets) {
        if (target.status !== "synced") continue;
        expect(target.snapshot, `${name}, ${target.pod}: ${target.reason}`).toBe(snapshot);
      }
    }
  }
}
