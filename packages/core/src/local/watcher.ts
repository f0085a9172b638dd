import { realpathSync } from "node:fs";
import { stat, statfs } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { KinsyncError } from "../errors/error.ts";
import { openChokidar, type FileEvents, type FileEventsOptions, type OpenFileEvents } from "./file-events.ts";
import { identityOf, mayBeSameFolder, type FolderIdentity } from "./folder-identity.ts";
import { watchGitLock, type GitLock } from "./git-lock.ts";
import { Scanner } from "./scan.ts";
import type { Source, SourceOptions, SourceSpec, SourceState } from "./source.ts";
import { isRemoteFileSystem, isSameState, watchLimitNote } from "./watch-facts.ts";

/** What tests turn; the defaults are right for people. */
export interface SourceTuning {
  /** Default: the operating system's events, by chokidar. */
  readonly openEvents?: OpenFileEvents;
  /** Milliseconds between looks at the source itself and at the clock. Default: 1,000. */
  readonly heartbeat?: number;
  /** Milliseconds that a single file may be away: editors delete and write anew. Default: 300. */
  readonly grace?: number;
  /** Milliseconds that a file which lost all its bytes may be without them: many programs empty a file and write it then. Default: 150. */
  readonly emptied?: number;
  /** Milliseconds after which everything is looked at again, whatever was heard. Default: 180,000. */
  readonly safety?: number;
}

/** Milliseconds that a settling may take while changes keep coming; and while git switches branches. */
const LONGEST_SETTLE = 100;
const LONGEST_SETTLE_IN_GIT = 5_000;
/** Changed paths at once from which on the events are not trusted to be all. */
const BURST = 5_000;
/** inotify's queue (fs.inotify.max_queued_events): what does not fit in vanishes silently. */
const QUEUE = 16_384;
/** Milliseconds until what changed while it was read is looked at again. */
const LAGGING = 100;
/** Milliseconds of quiet after which events are checked: after a burst by looking, after new folders by asking what is watched. */
const AFTER_BURST = 1_000;
const COVERAGE = 500;
/** How often watching is begun anew for folders that it left out, before they are looked at every second. */
const REOPENINGS = 3;
/** Milliseconds that the clock may jump before that counts as a sleep. */
const SLEEP = 5_000;
const READY_LIMIT = 60_000;

/**
 * Watches a folder or a file and keeps its settled state. Begins at once; ends by its signal or by disposing it.
 *
 * Events only say where to look. What they may have lost is found by looking at everything: after bursts, errors, a switch of
 * branches and a sleep of the machine, when the source itself was replaced, and every three minutes. Where the system's
 * limits forbid watching, and on network file systems, everything is looked at every second.
 */
export function createSource(spec: SourceSpec, options: SourceOptions, tuning: SourceTuning = {}): Source {
  return new WatchedSource(spec, options, tuning);
}

class WatchedSource implements Source {
  readonly spec: SourceSpec;
  readonly #options: SourceOptions;
  readonly #tuning: Required<SourceTuning>;
  readonly #settleTime: number;
  readonly #scanner: Scanner;
  readonly #ready = Promise.withResolvers<SourceState>();
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #told = new Set<string>();
  #current: SourceState | undefined;

  #touched = new Set<string>();
  #everything = true;
  #heard = 0;
  #firstHeardAt: number | undefined;
  #lastHeardAt = 0;
  #settleTimer: NodeJS.Timeout | undefined;
  #passes: Promise<unknown> = Promise.resolve();
  /** Passes that are due or running. */
  #openPasses = 0;
  #missingSince: number | undefined;
  /** Files that were found without their bytes, and when first. */
  readonly #emptied = new Map<string, number>();

  #events: FileEvents | undefined;
  #opening: Promise<void> | undefined;
  #base: string;
  #root: FolderIdentity | undefined;
  #reopenings = 0;
  #gitLock: GitLock | undefined;
  #isPolling = false;
  #lastScanAt = Date.now();
  #scanCost = 0;
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #heartbeat: NodeJS.Timeout | undefined;
  #lastBeatAt = Date.now();

  constructor(spec: SourceSpec, options: SourceOptions, tuning: SourceTuning) {
    this.spec = spec;
    this.#options = options;
    this.#tuning = { openEvents: openChokidar, heartbeat: 1_000, grace: 300, emptied: 150, safety: 180_000, ...tuning };
    this.#settleTime = options.settle ?? 5;
    this.#scanner = new Scanner(spec, (path) => {
      this.#touched.add(path);
      this.#settleLater();
    });
    this.#base = spec.from;
    this.#signal = AbortSignal.any([options.signal, this.#stop.signal]);
    this.#ready.promise.catch(() => undefined);
    if (this.#signal.aborted) {
      this.#ready.reject(this.#signal.reason);
      return;
    }
    this.#signal.addEventListener("abort", () => this.#release(), { once: true });
    this.#heartbeat = setInterval(() => this.#beat(), this.#tuning.heartbeat);
    void this.#begin();
  }

  get current(): SourceState | undefined {
    return this.#current;
  }

  get isSettling(): boolean {
    return this.#firstHeardAt !== undefined || this.#openPasses > 0;
  }

  get ready(): Promise<SourceState> {
    return this.#ready.promise;
  }

  rescan(): Promise<SourceState> {
    this.#everything = true;
    return this.#enqueue(true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error(`${this.spec.from} is not watched any more`));
    await this.#passes;
    await this.#opening;
    await this.#events?.[Symbol.asyncDispose]();
  }

  #release(): void {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#settleTimer);
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#gitLock?.[Symbol.dispose]();
    this.#ready.reject(this.#signal.reason);
    void this.#events?.[Symbol.asyncDispose]();
  }

  async #begin(): Promise<void> {
    // The first state does not wait for the watches; what changes before they are in place is found by the look after.
    await this.#enqueue().catch(() => undefined);
    if (this.#signal.aborted) return;
    this.#gitLock = watchGitLock(this.spec.from, () => {
      const isSettling = this.#firstHeardAt !== undefined;
      if (isSettling || performance.now() - this.#lastHeardAt < AFTER_BURST) this.#lookAtEverything();
    });
    await this.#open();
    const fileSystem = await statfs(this.#base).catch(() => undefined);
    if (fileSystem !== undefined && isRemoteFileSystem(fileSystem.type)) {
      this.#poll(`${this.spec.from} is on a file system that does not tell of changes made elsewhere`);
    }
  }

  // --- hearing ---

  #hear(path: string): void {
    this.#heard++;
    const touched = this.#scanner.shape === "file" ? this.spec.fileName : this.#relevant(path);
    if (touched === undefined) return;
    this.#touched.add(touched);
    this.#settleLater();
  }

  #settleLater(): void {
    if (this.#signal.aborted) return;
    const now = performance.now();
    this.#firstHeardAt ??= now;
    this.#lastHeardAt = now;
    // A branch switch is one state: while git holds its lock quiet means nothing, and the release is told.
    const isInGit = this.#gitLock?.isHeld === true;
    const [quiet, longest] = isInGit
      ? [LONGEST_SETTLE_IN_GIT, LONGEST_SETTLE_IN_GIT]
      : [this.#settleTime, LONGEST_SETTLE];
    const wait = Math.min(quiet, Math.max(0, this.#firstHeardAt + longest - now));
    clearTimeout(this.#settleTimer);
    this.#settleTimer = setTimeout(() => {
      this.#firstHeardAt = undefined;
      this.#enqueue().catch(() => undefined);
    }, wait);
  }

  #lookAtEverything(): void {
    this.#everything = true;
    this.#settleLater();
  }

  /** The path as in the tree; `undefined` where it cannot matter. */
  #relevant(path: string): string | undefined {
    if (path === this.#base) return "";
    const inside = relative(this.#base, path);
    // Of another place altogether: the source's own parent, which is watched while the source is missing.
    if (inside.startsWith("..") && (inside === ".." || inside[2] === sep)) return "";
    const posix = sep === "/" ? inside : inside.replaceAll(sep, "/");
    return this.#isIgnored(posix, undefined) ? undefined : posix;
  }

  #isIgnored(path: string, isDirectory: boolean | undefined): boolean {
    const { rules } = this.#scanner;
    const slash = path.lastIndexOf("/");
    if (isDirectory !== true && rules.isRuleFile(slash === -1 ? "" : path.slice(0, slash), path.slice(slash + 1))) {
      return slash !== -1 && rules.ignores(path.slice(0, slash), true);
    }
    if (isDirectory !== undefined) return rules.ignores(path, isDirectory);
    return rules.ignores(path, false) && rules.ignores(path, true);
  }

  // --- looking ---

  /** One look after the other. `isAsked`: somebody waits for the answer, so nothing is waited for. */
  #enqueue(isAsked = false): Promise<SourceState> {
    this.#openPasses += 1;
    const pass = this.#passes
      .then(() => this.#pass(isAsked))
      .finally(() => {
        this.#openPasses -= 1;
        if (!this.isSettling && !this.#signal.aborted) this.#options.onIdle?.();
      });
    this.#passes = pass.catch(() => undefined);
    return pass;
  }

  async #pass(isAsked: boolean): Promise<SourceState> {
    this.#signal.throwIfAborted();
    const before = this.#current;
    if (!this.#everything && this.#touched.size === 0 && before !== undefined) return before;
    const paths = this.#touched;
    const isBurst = paths.size > BURST || this.#heard > QUEUE;
    const isFull = this.#everything || isBurst || before?.state !== "present";
    this.#touched = new Set();
    this.#everything = false;
    this.#heard = 0;
    const { rules } = this.#scanner;
    const state = await this.#look(isFull, paths);
    if (isBurst) {
      this.#note(`${this.spec.from}: more than 5,000 changes at once, so everything was looked at again`);
      this.#later("burst", AFTER_BURST, () => this.#lookAtEverything());
    }
    if (isFull || rules !== this.#scanner.rules) this.#later("coverage", COVERAGE, () => this.#checkCoverage());
    if (this.#scanner.lagging.size > 0) {
      this.#later("lagging", LAGGING, () => {
        for (const path of this.#scanner.lagging) this.#touched.add(path);
        this.#settleLater();
      });
    }
    if (this.#isInGrace(state) && !isAsked) return before ?? state;
    if (this.#isHalfWritten(state, isFull ? undefined : paths) && !isAsked) return before ?? state;
    this.#settle(state);
    if (before !== undefined && before.state !== "present" && state.state === "present") void this.#checkRoot();
    return state;
  }

  async #look(isFull: boolean, paths: Iterable<string>): Promise<SourceState> {
    const started = performance.now();
    try {
      if (!isFull) return await this.#scanner.refresh(paths, this.#signal);
      const state = await this.#scanner.scan(this.#signal);
      this.#lastScanAt = Date.now();
      this.#scanCost = performance.now() - started;
      return state;
    } catch (cause) {
      this.#signal.throwIfAborted();
      // A bug, but one that must not end the watching.
      this.#everything = true;
      const reason = cause instanceof Error ? cause.message : String(cause);
      const message = `${this.spec.from} cannot be read: ${reason}`;
      return { state: "unreadable", error: new KinsyncError("KINSYNC_SOURCE_UNREADABLE", message, { cause }) };
    }
  }

  /** A single file that was there is missing, and not for long. */
  #isInGrace(state: SourceState): boolean {
    if (state.state !== "missing") {
      this.#missingSince = undefined;
      return false;
    }
    if (this.#scanner.shape !== "file" || this.#current?.state !== "present") return false;
    this.#missingSince ??= performance.now();
    const left = this.#missingSince + this.#tuning.grace - performance.now();
    if (left <= 0) return false;
    this.#later("grace", left + 1, () => this.#lookAtEverything());
    return true;
  }

  /**
   * A file that had content has none, and not for long: what is carried should be the old bytes or the new ones.
   * @param touched where to look, `undefined` for everywhere
   */
  #isHalfWritten(state: SourceState, touched: ReadonlySet<string> | undefined): boolean {
    const before = this.#current;
    if (before?.state !== "present" || state.state !== "present") return false;
    const now = performance.now();
    let since = now;
    for (const path of new Set([...(touched ?? state.tree.entries.keys()), ...this.#emptied.keys()])) {
      const is = state.tree.entries.get(path);
      const was = before.tree.entries.get(path);
      if (is?.type !== "file" || is.size > 0 || was?.type !== "file" || was.size === 0) {
        this.#emptied.delete(path);
        continue;
      }
      // The first of them bounds the wait, so that somebody who empties one file after the other starves nobody.
      since = Math.min(since, this.#emptied.get(path) ?? now);
      if (!this.#emptied.has(path)) this.#emptied.set(path, now);
    }
    const left = since + this.#tuning.emptied - now;
    if (this.#emptied.size === 0 || left <= 0) {
      this.#emptied.clear();
      return false;
    }
    this.#later("emptied", left + 1, () => {
      for (const path of this.#emptied.keys()) this.#touched.add(path);
      this.#settleLater();
    });
    return true;
  }

  #settle(state: SourceState): void {
    if (this.#signal.aborted) return;
    if (this.#current !== undefined && isSameState(this.#current, state)) return;
    this.#current = state;
    this.#ready.resolve(state);
    this.#options.onState(state);
  }

  // --- watching ---

  /** Begins to watch, anew where it was watched before. */
  #open(): Promise<void> {
    this.#opening ??= this.#openOnce().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  async #openOnce(): Promise<void> {
    const before = this.#events;
    this.#events = undefined;
    await before?.[Symbol.asyncDispose]();
    this.#root = await this.#identify();
    if (this.#signal.aborted) return;
    const events = this.#tuning.openEvents(this.#scanner.shape === "file" ? this.#ofFile() : this.#ofFolder());
    this.#events = events;
    const limit = new AbortController();
    await Promise.race([
      events.ready,
      delay(READY_LIMIT, undefined, { signal: AbortSignal.any([this.#signal, limit.signal]) }).catch(() => undefined),
    ]);
    limit.abort();
    if (!this.#signal.aborted) this.#lookAtEverything();
  }

  #ofFolder(): FileEventsOptions {
    this.#base = realPath(this.spec.from);
    return {
      folders: [this.#base],
      isIgnored: (path, isDirectory) => {
        const inside = relative(this.#base, path);
        // Folders above the source are on the way to it while it is missing.
        if (inside === "" || inside.startsWith("..")) return false;
        return this.#isIgnored(sep === "/" ? inside : inside.replaceAll(sep, "/"), isDirectory);
      },
      onEvent: (path) => this.#hear(path),
      onError: (error) => this.#onError(error),
    };
  }

  /** The folder of a single file, since editors replace the file itself; and that of the file which a link names. */
  #ofFile(): FileEventsOptions {
    const { from } = this.spec;
    this.#base = realPath(from);
    const named = join(realPath(dirname(from)), basename(from));
    const files = new Set([named, this.#base]);
    const folders = new Set([...files].map((file) => dirname(file)));
    return {
      folders: [...folders],
      shallow: true,
      isIgnored: (path) => !files.has(path) && !named.startsWith(`${path}${sep}`),
      onEvent: (path) => {
        if (files.has(path) || folders.has(path)) this.#hear(path);
      },
      onError: (error) => this.#onError(error),
    };
  }

  #onError(error: Error): void {
    const limit = watchLimitNote(error);
    if (limit !== undefined) this.#poll(limit);
    else this.#note(`${this.spec.from}: watching met an error (${error.message}), so everything was looked at again`);
    this.#lookAtEverything();
  }

  #poll(reason: string): void {
    if (this.#isPolling) return;
    this.#isPolling = true;
    this.#note(`${reason}; until then everything is looked at every second`);
  }

  /** Folders that lie in the tree and are not watched: new ones that got lost in a burst, or that the rules gave back. */
  #checkCoverage(): void {
    if (this.#opening !== undefined || performance.now() - this.#lastHeardAt < COVERAGE) {
      this.#later("coverage", COVERAGE, () => this.#checkCoverage());
      return;
    }
    const watched =
      this.#current?.state === "present" && this.#scanner.shape !== "file" ? this.#events?.watched() : undefined;
    if (watched === undefined) return;
    let isCovered = true;
    for (const folder of this.#scanner.folders()) isCovered &&= watched.has(join(this.#base, folder));
    if (isCovered) {
      this.#reopenings = 0;
    } else if (this.#reopenings++ < REOPENINGS) {
      void this.#open();
    } else {
      this.#poll(`${this.spec.from}: some folders cannot be watched`);
    }
  }

  #beat(): void {
    const now = Date.now();
    const jump = now - this.#lastBeatAt - this.#tuning.heartbeat;
    this.#lastBeatAt = now;
    if (Math.abs(jump) > SLEEP) {
      this.#note(
        `${this.spec.from}: the clock jumped by ${Math.round(jump / 1000)} s, so everything was looked at again`,
      );
      this.#lookAtEverything();
      return;
    }
    const age = Math.abs(now - this.#lastScanAt);
    const isDue = age >= this.#tuning.safety || (this.#isPolling && age >= Math.max(1_000, 10 * this.#scanCost));
    if (isDue || this.#scanner.shape === "file") {
      this.#everything = true;
      this.#enqueue().catch(() => undefined);
    }
    void this.#checkRoot();
  }

  /** The source may have been replaced by another folder, or be back: then its watches are of no use. */
  async #checkRoot(): Promise<void> {
    if (this.#opening !== undefined || this.#events === undefined) return;
    const root = await this.#identify();
    if (this.#signal.aborted || this.#opening !== undefined) return;
    if (root === undefined) {
      if (this.#current?.state !== "missing") this.#lookAtEverything();
    } else if (this.#root === undefined || !mayBeSameFolder(this.#root, root)) {
      await this.#open();
    }
  }

  async #identify(): Promise<FolderIdentity | undefined> {
    // Of a single file the content changes its identity all the time; its folder is what is watched.
    const path = this.#scanner.shape === "file" ? dirname(realPath(this.spec.from)) : this.spec.from;
    return stat(path, { bigint: true }).then(identityOf, () => undefined);
  }

  // --- telling ---

  #note(note: string): void {
    if (this.#signal.aborted || this.#told.has(note)) return;
    this.#told.add(note);
    // The same trouble may be told again when it comes again.
    this.#later(`note ${note}`, 10_000, () => this.#told.delete(note));
    this.#options.onNote?.(note);
  }

  /** One timer of a name at a time. */
  #later(name: string, milliseconds: number, work: () => void): void {
    if (this.#signal.aborted) return;
    clearTimeout(this.#timers.get(name));
    const timer = setTimeout(() => {
      this.#timers.delete(name);
      work();
    }, milliseconds);
    timer.unref();
    this.#timers.set(name, timer);
  }
}

/** The path itself where it is missing. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
