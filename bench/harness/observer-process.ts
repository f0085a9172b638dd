// Watches files of containers from outside and reports when they change: in a process of its own, which sleeps in between, so that
// the observed time does not depend on the measured program. Started by observer.ts.
import { readSync, openSync, closeSync, fstatSync, watch } from "node:fs";
import type { WatchListener } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

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

export type ObserverMessage = "watching" | { readonly error: string } | readonly Observation[];

/** A container creates its folders a moment after its pod runs. */
const FOLDER_LIMIT_MS = 20_000;
const FOLDER_RETRY_MS = 20;

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

/** Watches a folder, as soon as it exists. */
async function watchFolder(folder: string, listener: WatchListener<string>): Promise<void> {
  const end = performance.now() + FOLDER_LIMIT_MS;
  for (;;) {
    try {
      watch(folder, listener);
      return;
    } catch (error) {
      const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
      if (!isMissing) throw error;
      if (performance.now() > end)
        throw new Error(`${folder} does not exist after ${FOLDER_LIMIT_MS / 1000} s`, { cause: error });
    }
    await delay(FOLDER_RETRY_MS);
  }
}

async function watchAll(files: readonly Watched[], report: (message: ObserverMessage) => void): Promise<void> {
  const known = new Map<string, string>();
  await Promise.all(
    [...Map.groupBy(files, ({ folder }) => folder)].map(([folder, inside]) =>
      watchFolder(folder, (_event, changed) => {
        const timeMs = Number(process.hrtime.bigint()) / 1e6;
        const observed: Observation[] = [];
        for (const file of inside) {
          if (changed !== null && changed !== file.name) continue;
          const state = stateOf(file);
          if (state === undefined || state === known.get(file.key)) continue;
          known.set(file.key, state);
          observed.push({ key: file.key, state, timeMs });
        }
        if (observed.length > 0) report(observed);
      }),
    ),
  );
  report("watching");
}

if (process.send !== undefined) {
  const report = (message: ObserverMessage): void => void process.send?.(message);
  process.on("message", (files: readonly Watched[]) => {
    watchAll(files, report).catch((error: unknown) => report({ error: String(error) }));
  });
  process.on("SIGINT", () => {});
  process.once("disconnect", () => process.exit());
}
