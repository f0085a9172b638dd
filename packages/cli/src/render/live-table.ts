import { createLogUpdate } from "log-update";
import type { EngineView } from "@kinsync/core";
import type { Output } from "../io.ts";
import { formatBar } from "./bar.ts";
import type { Paint } from "./color.ts";
import type { TransferView } from "./progress.ts";
import { formatWorkload } from "./table.ts";

/** Transfers that get a bar at most. */
const MAX_BARS = 5;

/** The part of a terminal that is drawn again and again: a table for each workload, and bars of long transfers. */
export interface LiveTable {
  draw(view: EngineView, transfers: readonly TransferView[]): void;
  /** Writes a line above the table, which stays. */
  persist(text: string): void;
  /** Removes the table until the next `draw`. */
  clear(): void;
  /** Leaves the last frame on the terminal. */
  done(): void;
}

export function createLiveTable(output: Output & NodeJS.WritableStream, paint: Paint): LiveTable {
  const screen = createLogUpdate(output);

  function frame({ workloads }: EngineView, transfers: readonly TransferView[]): string {
    const width = output.columns ?? 100;
    const bars = transfers.slice(0, MAX_BARS).map((each) => formatBar(each, width - 1));
    const room = Math.max(4, (output.rows ?? 24) - 3 - bars.length);
    const tables = workloads.flatMap((each) =>
      formatWorkload(each, workloads, { paint, width, rows: Math.max(3, Math.floor(room / workloads.length) - 3) }),
    );
    return ["", ...tables, ...bars].join("\n");
  }
  return {
    draw: (view, transfers) => screen(frame(view, transfers)),
    persist: (text) => screen.persist(text),
    clear: () => screen.clear(),
    done: () => screen.done(),
  };
}
