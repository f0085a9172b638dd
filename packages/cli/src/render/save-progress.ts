import type { EngineEvent, EngineView } from "@kinsync/core";
import type { NamedWorkload } from "./workload-names.ts";

type WorkloadView = EngineView["workloads"][number];

/** A save that every target it concerns has received. */
export interface CompletedSave {
  /** Targets that received files. */
  readonly received: number;
  /** Targets of the mappings that received files. */
  readonly targets: number;
  /** Milliseconds until the last target had the files. */
  readonly slowest: number;
}

interface OpenSave {
  slowest: number;
  readonly uids: Set<string>;
  readonly mappings: Set<string>;
}

/** Follows what the targets of each workload receive, from a save until all of them are up to date. */
export class SaveProgress {
  readonly #open = new Map<string, OpenSave>();

  received(event: Extract<EngineEvent, { readonly event: "synced" }>): void {
    const save = this.#open.get(keyOf(event)) ?? { slowest: 0, uids: new Set(), mappings: new Set() };
    save.slowest = Math.max(save.slowest, event.duration);
    save.uids.add(`${event.uid}/${event.container}`);
    save.mappings.add(event.mapping);
    this.#open.set(keyOf(event), save);
  }

  /** The save that is complete now; `undefined` while a target of the workload is not up to date, or without a save. */
  complete(of: NamedWorkload, workloads: readonly WorkloadView[]): CompletedSave | undefined {
    const save = this.#open.get(keyOf(of));
    const workload = workloads.find(({ name, namespace }) => name === of.workload && namespace === of.namespace);
    if (save === undefined || workload === undefined) return undefined;
    if (workload.targets.some(({ status }) => status !== "synced")) return undefined;
    this.#open.delete(keyOf(of));
    const concerned = workload.targets.filter(({ mappings }) => mappings.some((each) => save.mappings.has(each)));
    const received = concerned.filter(({ uid, container }) => save.uids.has(`${uid}/${container}`)).length;
    return { received, targets: concerned.length, slowest: save.slowest };
  }
}

function keyOf({ workload, namespace }: NamedWorkload): string {
  return `${namespace} ${workload}`;
}
