import { isAbsolute, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { watch } from "chokidar";

/** Milliseconds that closing may take. */
const CLOSE_LIMIT = 5_000;

/** Something that tells which paths may have changed. It may tell too much, and at times too little: whoever asks looks himself. */
export interface FileEvents extends AsyncDisposable {
  /** Settles when all is watched that is there; never rejects. */
  readonly ready: Promise<void>;
  /** Absolute folders that are watched; `undefined` where that cannot be told. */
  watched(): ReadonlySet<string> | undefined;
}

export interface FileEventsOptions {
  /** Absolute, without links; one that is missing is waited for. */
  readonly folders: readonly string[];
  /** Only what is directly in the folders. Default: everything below them. */
  readonly shallow?: boolean;
  /** Folders and files that need not be watched; asked before a folder is entered. `undefined`: it is not known which of both it is. */
  readonly isIgnored: (path: string, isDirectory: boolean | undefined) => boolean;
  /** Absolute path that may have changed, appeared or gone. */
  readonly onEvent: (path: string) => void;
  readonly onError: (error: Error) => void;
}

export type OpenFileEvents = (options: FileEventsOptions) => FileEvents;

/** The operating system's events, by chokidar. */
export const openChokidar: OpenFileEvents = (options) => {
  const folders = new Set(options.folders);
  const watcher = watch([...folders], {
    ignored: (path, stats) => !folders.has(path) && options.isIgnored(path, stats?.isDirectory()),
    // What is there is found by a scan; changes are to be heard at once and as they come, and judged by looking.
    ignoreInitial: true,
    followSymlinks: false,
    atomic: false,
    awaitWriteFinish: false,
    // The scan reports what cannot be read.
    ignorePermissionErrors: true,
    ...(options.shallow === true ? { depth: 0 } : {}),
  });
  const ready = new Promise<void>((resolve) => {
    watcher.once("ready", resolve);
  });
  watcher.on("all", (_, path) => options.onEvent(path));
  // Comes earlier than `all`, and for every change: `all` leaves out what chokidar takes for no change.
  watcher.on("raw", (_, path, details: unknown) => {
    const folder = watchedPathOf(details);
    if (folder === undefined) return;
    if (typeof path !== "string" || path === "") options.onEvent(folder);
    else options.onEvent(isAbsolute(path) ? path : join(folder, path));
  });
  watcher.on("error", (error) => options.onError(error instanceof Error ? error : new Error(String(error))));
  return {
    ready,
    watched: () => new Set(Object.keys(watcher.getWatched())),
    [Symbol.asyncDispose]: async () => {
      const closed = new AbortController();
      // Nothing is heard any more from the call on; its end is only waited for to give the watches back.
      const limit = delay(CLOSE_LIMIT, undefined, { signal: closed.signal }).catch(() => undefined);
      await Promise.race([watcher.close(), limit]);
      closed.abort();
    },
  };
};

function watchedPathOf(details: unknown): string | undefined {
  if (typeof details !== "object" || details === null || !("watchedPath" in details)) return undefined;
  return typeof details.watchedPath === "string" ? details.watchedPath : undefined;
}
