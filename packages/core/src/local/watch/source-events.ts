import { realpathSync } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { canBeSkipped, toPosix, treePathOf } from "./event-paths.ts";
import type { FileEvents, FileEventsOptions, OpenFileEvents } from "./file-events.ts";
import { identityOf, mayBeSameFolder, type FolderIdentity } from "../scan/folder-identity.ts";
import type { Scanner } from "../scan/scanner.ts";

/** How often the events are opened again for folders that are not watched, before the caller has to poll. */
const REOPENINGS = 3;
/** Longest wait until all folders are watched. */
const READY_LIMIT_MS = 60_000;

export interface SourceEventsOptions {
  readonly scanner: Pick<Scanner, "spec" | "shape" | "rules" | "folders">;
  readonly openEvents: OpenFileEvents;
  readonly signal: AbortSignal;
  /** @param path as in the tree; `undefined` if the event cannot change the tree */
  readonly onEvent: (path: string | undefined) => void;
  /** The events were opened, for the first time or again: changes before that moment were not reported. */
  readonly onOpened: () => void;
  readonly onError: (error: Error) => void;
}

/** The file events of one source. They follow the source when another folder takes its place. */
export class SourceEvents implements AsyncDisposable {
  readonly #options: SourceEventsOptions;
  #events: FileEvents | undefined;
  #opening: Promise<void> | undefined;
  /** Absolute path of the source, without links. */
  #base: string;
  #root: FolderIdentity | undefined;
  #reopenings = 0;

  constructor(options: SourceEventsOptions) {
    this.#options = options;
    this.#base = options.scanner.spec.from;
  }

  /** Absolute path of the source as it is watched, without links. */
  get base(): string {
    return this.#base;
  }

  get isOpening(): boolean {
    return this.#opening !== undefined;
  }

  /** Opens the events, or opens them again. Settles when all existing folders are watched. */
  open(): Promise<void> {
    this.#opening ??= this.#openOnce().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  async #openOnce(): Promise<void> {
    const { openEvents, scanner, signal, onOpened } = this.#options;
    const previous = this.#events;
    this.#events = undefined;
    await previous?.[Symbol.asyncDispose]();
    this.#root = await this.#identify();
    if (signal.aborted) return;
    const events = openEvents(scanner.shape === "file" ? this.#fileOptions() : this.#folderOptions());
    this.#events = events;
    const limit = new AbortController();
    await Promise.race([
      events.ready,
      delay(READY_LIMIT_MS, undefined, { signal: AbortSignal.any([signal, limit.signal]) }).catch(() => undefined),
    ]);
    limit.abort();
    if (!signal.aborted) onOpened();
  }

  #folderOptions(): FileEventsOptions {
    const { scanner, onEvent, onError } = this.#options;
    this.#base = realPath(scanner.spec.from);
    return {
      folders: [this.#base],
      isIgnored: (path, isDirectory) => {
        const inside = relative(this.#base, path);
        // While the source is missing, the folders above it are watched.
        if (inside === "" || inside.startsWith("..")) return false;
        return canBeSkipped(scanner.rules, toPosix(inside), isDirectory);
      },
      // The scanner may find a file where a folder was expected: then every event is about that file.
      onEvent: (path) =>
        onEvent(scanner.shape === "file" ? scanner.spec.fileName : treePathOf(this.#base, path, scanner.rules)),
      onError,
    };
  }

  /** Watches the folder of a single file, since editors replace the file itself; also the folder of the file that a link names. */
  #fileOptions(): FileEventsOptions {
    const { scanner, onEvent, onError } = this.#options;
    const { from, fileName } = scanner.spec;
    this.#base = realPath(from);
    const named = join(realPath(dirname(from)), basename(from));
    const files = new Set([named, this.#base]);
    const folders = new Set([...files].map((file) => dirname(file)));
    return {
      folders: [...folders],
      shallow: true,
      isIgnored: (path) => !files.has(path) && !named.startsWith(`${path}${sep}`),
      onEvent: (path) => {
        if (files.has(path) || folders.has(path)) onEvent(fileName);
      },
      onError,
    };
  }

  /**
   * Opens the events again if folders of the tree are not watched: new folders whose events were lost, or folders that are no
   * longer ignored.
   * @returns `false` if folders are still not watched after several attempts
   */
  coverFolders(): boolean {
    const { scanner } = this.#options;
    const watched = scanner.shape === "file" ? undefined : this.#events?.watched();
    if (watched === undefined) return true;
    let isCovered = true;
    for (const folder of scanner.folders()) isCovered &&= watched.has(join(this.#base, folder));
    if (isCovered) {
      this.#reopenings = 0;
      return true;
    }
    if (this.#reopenings >= REOPENINGS) return false;
    this.#reopenings += 1;
    void this.open();
    return true;
  }

  /**
   * Opens the events again if another folder took the source's place, or if the source is back: the old watches then report nothing.
   * @returns whether the source is missing
   */
  async followRoot(): Promise<boolean> {
    if (this.#opening !== undefined || this.#events === undefined) return false;
    const root = await this.#identify();
    if (this.#options.signal.aborted || this.isOpening) return false;
    if (root === undefined) return true;
    if (this.#root === undefined || !mayBeSameFolder(this.#root, root)) await this.open();
    return false;
  }

  async #identify(): Promise<FolderIdentity | undefined> {
    const { scanner } = this.#options;
    // Each save may replace a single file; its folder is what is watched.
    const path = scanner.shape === "file" ? dirname(realPath(scanner.spec.from)) : scanner.spec.from;
    return stat(path, { bigint: true }).then(identityOf, () => undefined);
  }

  /** Stops reporting at once. */
  close(): void {
    void this.#events?.[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opening;
    await this.#events?.[Symbol.asyncDispose]();
  }
}

/** The path itself if it is missing. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
