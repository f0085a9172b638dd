import { joinNotes, type Resolution } from "../resolve/resolution.ts";
import type { WorkloadEmitter } from "./emit.ts";
import type { TargetRegistry } from "./registry.ts";
import type { DeclaredRoles } from "./selection-counts.ts";

/** Reports why no container holds the files, and which filters fit no member. Each reason once, until it changes. */
export class Absence {
  /** The workload, as the user named it. */
  readonly #name: string;
  readonly #emitter: WorkloadEmitter;
  #sentence: string | undefined;
  /** Filters that fit no member, by key. */
  #unmatched: ReadonlySet<string> = new Set();

  constructor(name: string, emitter: WorkloadEmitter) {
    this.#name = name;
    this.#emitter = emitter;
  }

  report(resolution: Resolution, registry: Pick<TargetRegistry, "counts" | "targets">, roles: DeclaredRoles): void {
    const unmatched = registry.counts.unmatched(roles);
    for (const { key, error } of unmatched) if (!this.#unmatched.has(key)) this.#emitter.problem(error());
    this.#unmatched = new Set(unmatched.map(({ key }) => key));
    this.#reportSentence(resolution, registry);
  }

  /** "0 of 3 members are current: the JobSet is suspended". */
  #reportSentence(
    { notes, root, problems, workload }: Resolution,
    { counts, targets }: Pick<TargetRegistry, "counts" | "targets">,
  ): void {
    const note = joinNotes(notes);
    let sentence = note?.message;
    if (root === undefined && problems.length === 0) {
      sentence = `${this.#name} does not exist in namespace ${workload.namespace}; waiting for it to be created`;
    } else if (root !== undefined && targets.running + targets.notRunning === 0) {
      const why = note === undefined ? "" : `: ${note.message}`;
      sentence =
        counts.inState("current", "kept") === 0
          ? `0 of ${counts.members} members are current${why}`
          : `no sync rule applies to any of the ${counts.members} pods; check states, roles, indexes, labels and container`;
    }
    if (sentence === this.#sentence) return;
    this.#sentence = sentence;
    if (sentence !== undefined) {
      this.#emitter.emit({ event: "note", code: note?.code ?? "no-eligible-member", reason: sentence });
    }
  }
}
