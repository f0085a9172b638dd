import { joinNotes, type EngineEvent, type EngineView } from "@kinsync/core";
import type { Paint } from "./color.ts";
import { withoutName, type FailedRun } from "./causes.ts";
import { formatEvent } from "./lines.ts";
import { formatSave, SaveProgress } from "./save-progress.ts";
import { clean } from "./text.ts";
import { count, duration } from "./units.ts";
import type { NamedWorkload, PrefixOf } from "./workload-names.ts";

type EventOf<Name extends EngineEvent["event"]> = Extract<EngineEvent, { readonly event: Name }>;

export interface HistoryOptions {
  readonly paint: Paint;
  readonly prefixOf: () => PrefixOf;
  readonly view: () => EngineView | undefined;
  /** Deletes are asked about on this terminal: the question says it. */
  readonly asksDeletes: boolean;
  /** A line that stays on the terminal. */
  readonly onLine: (text: string, time: string) => void;
}

interface Ran {
  readonly event: EventOf<"run">;
  containers: number;
  slowest: number;
}

/** What a terminal keeps of a run: each save, each problem and each command once, whatever the number of containers. */
export class History {
  /** The last problem, in full. */
  lastError: EngineEvent | undefined;
  readonly #options: HistoryOptions;
  readonly #saves = new SaveProgress();
  /** Milliseconds of the last save, by workload. */
  readonly #latency = new Map<string, number>();
  /** Commands that failed and have not succeeded since, by workload: their line was written. */
  readonly #failing = new Map<string, Set<string>>();
  /** Problems that have a line, by workload. */
  readonly #reported = new Map<string, Set<string>>();
  /** Commands that succeeded and have no line yet. */
  readonly #ran = new Map<string, Ran>();

  constructor(options: HistoryOptions) {
    this.#options = options;
  }

  latency(workload: NamedWorkload): number | undefined {
    return this.#latency.get(keyOf(workload));
  }

  /** Of the containers that the workload still has. */
  failedRuns({ targets }: EngineView["workloads"][number]): readonly FailedRun[] {
    return targets.flatMap(({ pod, failedRuns = [] }) =>
      failedRuns.map(({ command, exitCode, reason, output }): FailedRun => {
        const how = exitCode === undefined ? reason : `exit code ${exitCode}`;
        const last = clean(output.split("\n").at(-1) ?? "");
        return { pod, command, reason: last === "" ? how : `${how}: ${last}` };
      }),
    );
  }

  event(event: EngineEvent): void {
    switch (event.event) {
      case "snapshot":
        this.#saves.changed(event);
        if (event.of !== undefined) this.#keep(event);
        return;
      case "synced":
        this.#saves.received(event);
        return;
      case "target":
        this.#completeSave(event);
        return;
      case "run":
        this.#run(event);
        return;
      case "retry":
        // The row says it as long as it lasts.
        this.lastError = event;
        return;
      case "failed":
        this.lastError = event;
        this.#once(event, event.pod);
        return;
      case "halted":
        if (event.deletes !== undefined && this.#options.asksDeletes) return;
        this.lastError = event;
        this.#once(event, event.pod);
        return;
      case "note":
        if (!this.#isShown(event)) this.#keep(event);
        return;
      case "local":
        if (event.phase === "ends" && event.ok === false) this.lastError = event;
        // The screen has no room for what a build prints; a failure shows the end of it.
        if (event.phase === "output") return;
        this.#keep(event);
        return;
      case "resumed":
        this.#keep(event);
        return;
      default:
    }
  }

  /** Writes what was gathered: the commands that succeeded. */
  flush(): void {
    const { paint, prefixOf, onLine } = this.#options;
    for (const { event, containers, slowest } of this.#ran.values()) {
      const where = containers === 1 ? clean(event.pod) : count(containers, "container");
      const text = `${paint("green", "ran")} ${clean(event.command)} in ${where} (${duration(slowest)})`;
      onLine(`${prefixOf()(event)}${text}`, event.time);
    }
    this.#ran.clear();
  }

  /** The line of the workload says why it has no containers, as long as that is so. */
  #isShown({ workload, namespace, reason }: EventOf<"note">): boolean {
    const workloads = this.#options.view()?.workloads ?? [];
    const shown = workloads.find((each) => each.name === workload && each.namespace === namespace);
    const note = shown?.resolution && joinNotes(shown.resolution.notes);
    return note !== undefined && (reason === note.message || reason.endsWith(`: ${note.message}`));
  }

  /** A save in one line, once every target of the workload has it or cannot have it. */
  #completeSave(event: EventOf<"target">): void {
    const { prefixOf, view, onLine, paint } = this.#options;
    const save = this.#saves.complete(event, view()?.workloads ?? []);
    if (save === undefined) return;
    this.#latency.set(keyOf(event), save.slowest);
    if (save.received === save.targets) this.#reported.delete(keyOf(event));
    const text = formatSave(save);
    onLine(`${prefixOf()(event)}${save.received === save.targets ? text : paint("yellow", text)}`, event.time);
  }

  #run(event: EventOf<"run">): void {
    const failing = this.#failing.get(keyOf(event)) ?? new Set<string>();
    this.#failing.set(keyOf(event), failing);
    if (event.ok) {
      failing.delete(event.command);
      if (event.showOutput === true) {
        this.#keep(event);
        return;
      }
      const ran = this.#ran.get(`${keyOf(event)} ${event.command}`) ?? { event, containers: 0, slowest: 0 };
      ran.containers += 1;
      ran.slowest = Math.max(ran.slowest, event.duration);
      this.#ran.set(`${keyOf(event)} ${event.command}`, ran);
      return;
    }
    this.lastError = event;
    if (failing.has(event.command)) return;
    failing.add(event.command);
    this.#keep(event);
  }

  /** A problem that many containers have gets one line. */
  #once(event: EventOf<"failed"> | EventOf<"halted">, pod = ""): void {
    const reported = this.#reported.get(keyOf(event)) ?? new Set<string>();
    this.#reported.set(keyOf(event), reported);
    const cause = `${event.event} ${pod === "" ? event.reason : withoutName(event.reason, pod)}`;
    if (reported.has(cause)) return;
    reported.add(cause);
    this.#keep(event);
  }

  #keep(event: EngineEvent): void {
    const { paint, prefixOf, onLine } = this.#options;
    const text = formatEvent(event, { paint, prefixOf: prefixOf() });
    if (text !== undefined) onLine(text, event.time);
  }
}

function keyOf({ workload, namespace }: NamedWorkload): string {
  return `${namespace} ${workload}`;
}
