import type { GangEvent } from "../../../../src/engine/events.ts";
import type { GangPolicy } from "../../../../src/mapping/gang-policy.ts";
import type { WorkloadView } from "../../../../src/engine/options.ts";
import type { MemoryContainer } from "../../../support/memory-container.ts";
import { mapping } from "../../../support/mapping.ts";
import { advance, Environment, key, member, type EnvironmentOptions } from "../../support/environment.ts";
import { memoryCopies } from "../../support/memory-copies.ts";

export const a = mapping("a");
export const ALL: GangPolicy = { quorum: "all", timeoutMs: undefined, onFailure: "hold" };

/** A Team `train` that is a gang of members `p0`, `p1`, ... */
export class GangEnvironment {
  readonly environment: Environment;

  constructor(count: number, options: Partial<EnvironmentOptions> = {}) {
    this.environment = new Environment({
      workloads: { train: [a] },
      gang: ALL,
      kept: memoryCopies(),
      ...options,
    });
    for (let at = 0; at < count; at += 1) this.environment.put(member(`p${at}`));
    this.environment.run();
    this.environment.source(a).save({ f: "1" });
  }

  container(at: number): MemoryContainer {
    return this.environment.container(member(`p${at}`));
  }

  async save(text: string, wait = 1_000): Promise<void> {
    this.environment.source(a).save({ f: text });
    await advance(wait);
  }

  /** The file in each container; `""` where there is none. */
  get seen(): readonly string[] {
    return [...this.environment.containers.values()].map((each) => each.seen(key(a))["f"] ?? "");
  }

  get view(): WorkloadView {
    const [workload] = this.environment.engine.view().workloads;
    if (workload === undefined) throw new Error("no workload");
    return workload;
  }

  get statuses(): readonly string[] {
    return this.view.targets.map(({ status }) => status);
  }

  /** Phases of the gang so far, each with the number of the snapshot. */
  get phases(): readonly string[] {
    return this.#gangEvents().map(({ phase, snapshot }) => `${phase} ${snapshot}`);
  }

  get last(): GangEvent | undefined {
    return this.#gangEvents().at(-1);
  }

  #gangEvents(): readonly GangEvent[] {
    return this.environment.events.flatMap((event) => (event.event === "gang" ? [event] : []));
  }
}
