// Watches files of containers from outside and reports when they change: in a process of its own, which sleeps in between, so that
// the observed time does not depend on the measured program. Started by observer.ts.
import { readSync, openSync, closeSync, fstatSync, watch } from "node:fs";

/** A file to watch. Its state is its first line, or, if it grows in blocks, their number. */
export interface Watched {
  readonly key: string;
  readonly folder: string;
  readonly name: string;
  /** Bytes of a block; 0: the state is the first line. */
  readonly block: number;
}

export interface Observation {
  readonly key: string;
  readonly state: string;
  /** Milliseconds of the machine's monotonic clock, which processes share. */
  readonly timeMs: number;
}

export type ObserverMessage = "watching" | readonly Observation[];

const buffer = Buffer.alloc(128);

function stateOf({ folder, name, block }: Watched): string | undefined {
  try {
    const file = openSync(`${folder}/${name}`, "r");
    try {
      if (block > 0) return String(Math.floor(fstatSync(file).size / block));
      const line = buffer.toString("latin1", 0, readSync(file, buffer));
      return line.slice(0, line.indexOf("\n"));
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
}

if (process.send !== undefined) {
  const known = new Map<string, string>();
  process.on("message", (files: readonly Watched[]) => {
    const folders = Map.groupBy(files, ({ folder }) => folder);
    for (const [folder, inside] of folders) {
      watch(folder, (_event, changed) => {
        const timeMs = Number(process.hrtime.bigint()) / 1e6;
        const observed: Observation[] = [];
        for (const file of inside) {
          if (changed !== null && changed !== file.name) continue;
          const state = stateOf(file);
          if (state === undefined || state === known.get(file.key)) continue;
          known.set(file.key, state);
          observed.push({ key: file.key, state, timeMs });
        }
        if (observed.length > 0) process.send?.(observed);
      });
    }
    process.send?.("watching");
  });
  process.on("SIGINT", () => {});
  process.once("disconnect", () => process.exit());
}
