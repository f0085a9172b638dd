import type { Engine, EngineEvent, SummaryEvent } from "@kinsync/core";
import type { NamedWorkload } from "./workload-names.ts";

/** What a run is about to do. */
export interface Header {
  readonly command: "up" | "sync";
  /** `jobset/train: src -> /app/src`, one a workload. */
  readonly lines: readonly string[];
}

/** What a reporter sees of a run, and may ask of it. */
export type Attached = Pick<Engine, "view" | "commands">;

/**
 * What a note is about: `config` (it is not used, or changed while the run continues), `plugin` (one replaces a built-in one), `missing` (a
 * workload that does not exist yet), `next` (what to do after the run), `logs` (they cannot be followed).
 */
export type NoteCode = "config" | "plugin" | "missing" | "next" | "control" | "logs";

/** Shows a run: a live table, lines, or JSON. */
export interface Reporter {
  /** Before the first request to a cluster. */
  start(header: Header): void;
  /** The cluster of the run. */
  cluster(context: string, server: string, namespace: string): void;
  /** Information that is not an event of the engine. */
  note(text: string, code: NoteCode): void;
  event(event: EngineEvent): void;
  /**
   * A line of a container's log or about a local port, as it is to be printed.
   * @returns while somebody else writes: resolves when the next line is welcome
   */
  log(line: string): Promise<void> | undefined;
  /** Loads what is shown from `attach` on; called before it, so that the first line needs none of that. */
  prepare(): Promise<void>;
  /** The run begins. @param workloads all of it */
  attach(run: Attached, workloads: readonly NamedWorkload[]): void;
  /** From now on these are all workloads of the run. */
  rename(workloads: readonly NamedWorkload[]): void;
  /** Lets somebody else use the terminal until `release`. Lines are kept. */
  hold(): void;
  release(): void;
  /** Prints the result. Gives the terminal back. */
  end(summaries: readonly SummaryEvent[]): void;
  /** Gives the terminal back without a result: an error follows. */
  abandon(): void;
}
