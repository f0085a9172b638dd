import type { EngineEvent, EngineView, SummaryEvent } from "@kinsync/core";

/** What a run is about to do. */
export interface Header {
  readonly command: "up" | "sync";
  /** `jobset/train: src -> /app/src`, one a workload. */
  readonly lines: readonly string[];
}

/** Shows a run: a live table, lines, or JSON. */
export interface Reporter {
  /** Before anything is asked of a cluster. */
  start(header: Header): void;
  /** Which cluster it is going to be. */
  cluster(context: string, server: string, namespace: string): void;
  /** Something to know that is no event of the engine. */
  note(text: string): void;
  event(event: EngineEvent): void;
  /** From now on `view` tells the present state. */
  attach(view: () => EngineView): void;
  /** The last word. Gives the terminal back. */
  end(summaries: readonly SummaryEvent[]): void;
  /** Gives the terminal back without a last word: an error follows. */
  abandon(): void;
}
