import type { EngineEvent, EngineView } from "@kinsync/core";
import { clean } from "./text.ts";
import { bytes, count, duration } from "./units.ts";
import type { NamedWorkload } from "./workload-names.ts";

type WorkloadView = EngineView["workloads"][number];
type EventOf<Name extends EngineEvent["event"]> = Extract<EngineEvent, { readonly event: Name }>;

/** A save that every target it concerns has received or cannot receive. */
export interface CompletedSave {
  /** Local paths that changed, at most 20, and how many; none where a late container received what is there already. */
  readonly paths: readonly string[];
  readonly changed: number;
  /** The first snapshot of the run. */
  readonly isFirst: boolean;
  /** Files of the whole snapshot. */
  readonly total: number;
  /** Entries that the target with the most of them wrote and deleted, and the bytes that it was sent. */
  readonly files: number;
  readonly deleted: number;
  readonly bytes: number;
  /** Pods that received files. */
  readonly pods: readonly string[];
  /** Targets that received files. */
  readonly received: number;
  /** Targets of the mappings that received files. */
  readonly targets: number;
  /** Milliseconds until the last target had the files. */
  readonly slowest: number;
}

interface OpenSave {
  snapshot: EventOf<"snapshot"> | undefined;
  readonly paths: Set<string>;
  changed: number;
  slowest: number;
  files: number;
  deleted: number;
  bytes: number;
  readonly pods: Map<string, string>;
  readonly mappings: Set<string>;
}

/** A status that no longer changes by itself within this save. */
const SETTLED = new Set(["synced", "failed", "halted", "stale"]);

/** Follows what the targets of each workload receive, from a save until all of them have it or cannot have it. */
export class SaveProgress {
  readonly #open = new Map<string, OpenSave>();

  changed(event: EventOf<"snapshot">): void {
    const save = this.#of(event);
    save.snapshot ??= event;
    save.changed = save.changed === 0 ? event.changed : Math.max(save.changed, event.changed);
    for (const path of event.paths) save.paths.add(path);
    save.changed = Math.max(save.changed, save.paths.size);
  }

  received(event: EventOf<"synced">): void {
    const save = this.#of(event);
    save.slowest = Math.max(save.slowest, event.duration);
    save.files = Math.max(save.files, event.files);
    save.deleted = Math.max(save.deleted, event.deleted);
    save.bytes = Math.max(save.bytes, event.bytes);
    save.pods.set(`${event.uid}/${event.container}`, event.pod);
    save.mappings.add(event.mapping);
  }

  /** The save that is complete now; `undefined` while a target still receives it, or without a save. */
  complete(of: NamedWorkload, workloads: readonly WorkloadView[]): CompletedSave | undefined {
    const save = this.#open.get(keyOf(of));
    const workload = workloads.find(({ name, namespace }) => name === of.workload && namespace === of.namespace);
    if (save === undefined || workload === undefined || save.pods.size === 0) return undefined;
    const running = workload.targets.filter(({ containerId }) => containerId !== undefined);
    if (running.some(({ status }) => !SETTLED.has(status))) return undefined;
    this.#open.delete(keyOf(of));
    const concerned = running.filter(({ mappings }) => mappings.some((each) => save.mappings.has(each)));
    const { snapshot, paths, changed, files, deleted, bytes: size, pods, slowest } = save;
    return {
      paths: [...paths],
      changed,
      isFirst: snapshot?.snapshot === 1,
      total: snapshot?.files ?? 0,
      files,
      deleted,
      bytes: size,
      pods: [...pods.values()],
      received: concerned.filter(({ uid, container }) => pods.has(`${uid}/${container}`)).length,
      targets: concerned.length,
      slowest,
    };
  }

  #of(workload: NamedWorkload): OpenSave {
    const key = keyOf(workload);
    const known = this.#open.get(key);
    if (known !== undefined) return known;
    const save: OpenSave = {
      snapshot: undefined,
      paths: new Set(),
      changed: 0,
      slowest: 0,
      files: 0,
      deleted: 0,
      bytes: 0,
      pods: new Map(),
      mappings: new Set(),
    };
    this.#open.set(key, save);
    return save;
  }
}

/** `app.py is in all 3 containers (18 ms)`. */
export function formatSave(save: CompletedSave): string {
  const { received, targets, slowest, files, deleted, isFirst } = save;
  const took = ` (${duration(slowest)})`;
  const all = targets === 1 ? "the container" : `all ${targets} containers`;
  const places = received === targets ? all : `${received} of ${count(targets, "container")}`;
  if (!isFirst && save.changed === 0) {
    const [first = ""] = save.pods;
    const subject = save.pods.length === 1 ? `${clean(first)} is` : `${save.pods.length} more containers are`;
    const sent = files > 0 ? `${count(files, "file")}, ` : "";
    return `${subject} up to date (${sent}${duration(slowest)})`;
  }
  if (files === 0 && deleted === 0) return `${subjectOf(save)} already in ${places}${took}`;
  if (files === 0) return `${nameAll(save)} deleted from ${places}${took}`;
  const alsoDeleted = deleted > 0 ? `, ${deleted} deleted` : "";
  const sent = isFirst ? ` (${bytes(save.bytes)}, ${duration(slowest)})` : took;
  return `${subjectOf(save)} in ${places}${alsoDeleted}${sent}`;
}

/** `app.py is`, `a.py and b.py are`; at the first time `14 files are`. */
function subjectOf(save: CompletedSave): string {
  if (save.isFirst) return save.total === 1 ? "1 file is" : `${count(save.total, "file")} are`;
  return `${nameAll(save)} ${save.changed === 1 ? "is" : "are"}`;
}

/** At most three names, and the number of the others. */
function nameAll({ paths, changed, isFirst, deleted }: CompletedSave): string {
  if (isFirst) return count(deleted, "file");
  const named = paths.slice(0, 3).map((path) => clean(path));
  const more = changed - named.length;
  if (more > 0) return `${named.join(", ")} and ${more} more`;
  const last = named.pop() ?? "";
  return named.length === 0 ? last : `${named.join(", ")} and ${last}`;
}

function keyOf({ workload, namespace }: NamedWorkload): string {
  return `${namespace} ${workload}`;
}
