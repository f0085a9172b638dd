import { isAbsolute, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { watch } from "chokidar";

/** Longest wait for the watches to close. */
const CLOSE_LIMIT_MS = 5_000;

/** Reports which paths may have changed. It may report too many and sometimes too few: the scan decides. */
export interface FileEvents extends AsyncDisposable {
  /** Settles when all existing folders are watched; never rejects. */
  readonly ready: Promise<void>;
  /** Absolute paths of the folders that are watched; `undefined` if that is not known. */
  watched(): ReadonlySet<string> | undefined;
}

export interface FileEventsOptions {
  /** Absolute, without links. A missing folder is watched as soon as it exists. */
  readonly folders: readonly string[];
  /** Watch only the paths directly in the folders. Default: everything below them. */
  readonly shallow?: boolean;
  /** Folders and files that need not be watched; called before a folder is entered. `isDirectory` is `undefined` if it is not known. */
  readonly isIgnored: (path: string, isDirectory: boolean | undefined) => boolean;
  /** Receives the absolute path that may have been changed, created or removed. */
  readonly onEvent: (path: string) => void;
  readonly onError: (error: Error) => void;
}

export type OpenFileEvents = (options: FileEventsOptions) => FileEvents;

/** The operating system's events, by chokidar. */
export const openChokidar: OpenFileEvents = (options) => {
  const folders = new Set(options.folders);
  const watcher = watch([...folders], {
    ignored: (path, stats) => !folders.has(path) && options.isIgnored(path, stats?.isDirectory()),
    // A scan finds the existing files. Every change is reported at once, and the scan decides what it means.
    ignoreInitial: true,
    followSymlinks: false,
    atomic: false,
    awaitWriteFinish: false,
    // The scan reports files that cannot be read.
    ignorePermissionErrors: true,
    ...(options.shallow === true ? { depth: 0 } : {}),
  });
  const ready = new Promise<void>((resolve) => {
    watcher.once("ready", resolve);
  });
  watcher.on("all", (_, path) => options.onEvent(path));
  // `raw` comes earlier than `all`, and for every change: `all` leaves out changes that chokidar does not recognize.
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
      // No event comes after the call. Its end matters only for freeing the watches.
      const limit = delay(CLOSE_LIMIT_MS, undefined, { signal: closed.signal }).catch(() => undefined);
      await Promise.race([watcher.close(), limit]);
      closed.abort();
    },
  };
};

function watchedPathOf(details: unknown): string | undefined {
  if (typeof details !== "object" || details === null || !("watchedPath" in details)) return undefined;
  return typeof details.watchedPath === "string" ? details.watchedPath : undefined;
}
