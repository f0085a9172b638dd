import { KinsyncError } from "../errors/error.ts";
import { Debounce } from "./settle/debounce.ts";
import { FullScanSchedule } from "./watch/full-scan-schedule.ts";
import { watchGitLock, type GitLock } from "./watch/git-lock.ts";
import { MissingFileGrace } from "./settle/missing-file-grace.ts";
import { NamedTimers } from "./watch/named-timers.ts";
import { Notes } from "./watch/notes.ts";
import { BURST_PATHS, PendingChanges } from "./settle/pending-changes.ts";
import { isOnRemoteFileSystem } from "./watch/remote-file-system.ts";
import { isSameState } from "./settle/same-state.ts";
import { Scanner } from "./scan/scanner.ts";
import { SleepDetector } from "./watch/sleep-detector.ts";
import { SourceEvents } from "./watch/source-events.ts";
import { DEFAULT_TUNING, type SourceTuning } from "./source-tuning.ts";
import type { Source, SourceOptions, SourceSpec, SourceState } from "./source.ts";
import { TruncatedFiles } from "./settle/truncated-files.ts";
import { untilWatchIsDue } from "./watch/first-watch.ts";
import { watchLimitNote } from "./watch/watch-limits.ts";

/** Default of `SourceOptions.settle`. */
const QUIET_MS = 5;
/** Time until a file that changed while it was read is read again. */
const UNSTABLE_MS = 100;
/** Quiet time after a burst until everything is scanned again. */
const AFTER_BURST_MS = 1_000;
/** Quiet time until kinsync checks whether every folder of the tree is watched. */
const COVERAGE_MS = 500;
const POLLING = "everything is scanned every second";

/**
 * Watches a local folder or file and keeps its settled state. Starts at once; ends by its signal or when it is disposed of.
 *
 * Events only report where to scan. A full scan finds the changes whose events were lost: after bursts, errors, a switch of
 * branches and a sleep of the machine, when another folder took the source's place, and every three minutes. Where the system's
 * limits forbid watching, and on network file systems, a full scan runs every second.
 */
export function createSource(spec: SourceSpec, options: SourceOptions, tuning: SourceTuning = {}): Source {
  return new WatchedSource(spec, options, { ...DEFAULT_TUNING, ...tuning });
}

class WatchedSource implements Source {
  readonly spec: SourceSpec;
  readonly #options: SourceOptions;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #ready = Promise.withResolvers<SourceState>();
  #current: SourceState | undefined;
  readonly #scanner: Scanner;
  readonly #changes = new PendingChanges();
  readonly #debounce: Debounce;
  readonly #missingFile: MissingFileGrace;
  readonly #truncated: TruncatedFiles;
  #passes: Promise<unknown> = Promise.resolve();
  /** Passes that are due or running. */
  #openPasses = 0;

  readonly #events: SourceEvents;
  #gitLock: GitLock | undefined;
  readonly #schedule: FullScanSchedule;
  readonly #sleep: SleepDetector;
  readonly #timers = new NamedTimers();
  readonly #notes: Notes;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(spec: SourceSpec, options: SourceOptions, tuning: Required<SourceTuning>) {
    this.spec = spec;
    this.#options = options;
    this.#signal = AbortSignal.any([options.signal, this.#stop.signal]);
    this.#scanner = new Scanner(spec, (path, isRestless) => {
      if (isRestless)
        this.#note(`${spec.from}/${path} changes faster than it can be sent: it is left out until it is at rest`);
      this.#scanSoon([path]);
    });
    this.#debounce = new Debounce({
      quietMs: options.settle ?? QUIET_MS,
      isGitLocked: () => this.#gitLock?.isHeld === true,
      onSettled: () => void this.#enqueue().catch(() => undefined),
    });
    this.#missingFile = new MissingFileGrace(tuning.graceMs);
    this.#truncated = new TruncatedFiles(tuning.truncatedMs);
    this.#events = new SourceEvents({
      scanner: this.#scanner,
      openEvents: tuning.openEvents,
      signal: this.#signal,
      onEvent: (path) => this.#onEvent(path),
      onOpened: () => this.#scanEverythingSoon(),
      onError: (error) => this.#onEventError(error),
    });
    this.#schedule = new FullScanSchedule(tuning.fullScanMs);
    this.#sleep = new SleepDetector(tuning.heartbeatMs);
    this.#notes = new Notes(this.#timers, (note) => this.#options.onNote?.(note));
    this.#ready.promise.catch(() => undefined);
    if (this.#signal.aborted) {
      this.#ready.reject(this.#signal.reason);
      return;
    }
    this.#signal.addEventListener("abort", () => this.#release(), { once: true });
    this.#heartbeat = setInterval(() => this.#beat(), tuning.heartbeatMs);
    void this.#start();
  }

  get current(): SourceState | undefined {
    return this.#current;
  }

  get isSettling(): boolean {
    return this.#debounce.isPending || this.#openPasses > 0;
  }

  get ready(): Promise<SourceState> {
    return this.#ready.promise;
  }

  rescan(): Promise<SourceState> {
    this.#changes.addEverything();
    return this.#enqueue(true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error(`${this.spec.from} is no longer watched`));
    await this.#passes;
    await this.#events[Symbol.asyncDispose]();
  }

  #release(): void {
    clearInterval(this.#heartbeat);
    this.#debounce[Symbol.dispose]();
    this.#timers[Symbol.dispose]();
    this.#gitLock?.[Symbol.dispose]();
    this.#ready.reject(this.#signal.reason);
    this.#events.close();
  }

  async #start(): Promise<void> {
    // The first state does not wait for the watches. The scan after they are in place finds what changed before.
    await this.#enqueue().catch(() => undefined);
    await untilWatchIsDue(this.#current, this.#signal);
    if (this.#signal.aborted) return;
    this.#gitLock = watchGitLock(this.spec.from, () => this.#onGitLockReleased());
    await this.#events.open();
    if (await isOnRemoteFileSystem(this.#events.base))
      this.#poll(`${this.spec.from} is on a file system that does not report changes made elsewhere, so ${POLLING}`);
  }

  // --- reasons to scan ---

  #onEvent(path: string | undefined): void {
    this.#changes.countEvent();
    if (path !== undefined) this.#scanSoon([path]);
  }

  #onEventError(error: Error): void {
    const limit = watchLimitNote(error);
    if (limit !== undefined) this.#poll(`${limit}; until then ${POLLING}`);
    else this.#note(`${this.spec.from}: watching failed (${error.message}), so everything is scanned again`);
    this.#scanEverythingSoon();
  }

  #onGitLockReleased(): void {
    if (this.#debounce.isPending || this.#debounce.quietForMs < AFTER_BURST_MS) this.#scanEverythingSoon();
  }

  #beat(): void {
    const jumpMs = this.#sleep.beat();
    if (jumpMs !== undefined) {
      this.#note(
        `${this.spec.from}: the clock jumped by ${Math.round(jumpMs / 1000)} s, so everything is scanned again`,
      );
      this.#scanEverythingSoon();
      return;
    }
    if (this.#schedule.isDue || this.#scanner.shape === "file") {
      this.#changes.addEverything();
      this.#enqueue().catch(() => undefined);
    }
    // No events come from above the source.
    if (this.#scanner.shape === "directory" && this.#scanner.haveOuterRulesChanged()) this.#scanEverythingSoon();
    void this.#followRoot();
  }

  async #followRoot(): Promise<void> {
    const isMissing = await this.#events.followRoot();
    if (isMissing && this.#current?.state !== "missing") this.#scanEverythingSoon();
  }

  #checkCoverage(): void {
    if (this.#events.isOpening || this.#debounce.quietForMs < COVERAGE_MS) {
      this.#timers.start("coverage", COVERAGE_MS, () => this.#checkCoverage());
    } else if (this.#current?.state === "present" && !this.#events.coverFolders()) {
      this.#poll(`${this.spec.from}: some folders cannot be watched, so ${POLLING}`);
    }
  }

  #poll(note: string): void {
    if (this.#schedule.isPolling) return;
    this.#schedule.startPolling();
    this.#note(note);
  }

  #scanSoon(paths: Iterable<string>): void {
    for (const path of paths) this.#changes.add(path);
    this.#debounce.restart();
  }

  #scanEverythingSoon(): void {
    this.#changes.addEverything();
    this.#debounce.restart();
  }

  // --- scanning ---

  /**
   * Adds a pass; passes run one after the other.
   * @param isRequested the caller needs the state now, so a truncated file is not held back
   */
  #enqueue(isRequested = false): Promise<SourceState> {
    this.#openPasses += 1;
    const pass = this.#passes
      .then(() => this.#pass(isRequested))
      .finally(() => {
        this.#openPasses -= 1;
        if (!this.isSettling && !this.#signal.aborted) this.#options.onIdle?.();
      });
    this.#passes = pass.catch(() => undefined);
    return pass;
  }

  async #pass(isRequested: boolean): Promise<SourceState> {
    this.#signal.throwIfAborted();
    const before = this.#current;
    if (this.#changes.isEmpty && before !== undefined) return before;
    const { paths, isEverything, isBurst } = this.#changes.take();
    const isFull = isEverything || isBurst || before?.state !== "present";
    const { rules } = this.#scanner;
    const state = await this.#scan(isFull, paths);
    if (isBurst) {
      const limit = BURST_PATHS.toLocaleString("en-US");
      this.#note(`${this.spec.from}: more than ${limit} changes at once, so everything is scanned again`);
      this.#timers.start("burst", AFTER_BURST_MS, () => this.#scanEverythingSoon());
    }
    if (isFull || rules !== this.#scanner.rules) {
      this.#timers.start("coverage", COVERAGE_MS, () => this.#checkCoverage());
    }
    if (this.#scanner.unstable.size > 0) {
      this.#timers.start("unstable", UNSTABLE_MS, () => this.#scanSoon(this.#scanner.unstable));
    }
    if (this.#isHeldBack(before, state, isFull ? undefined : paths, isRequested)) return before ?? state;
    this.#settle(state);
    if (before !== undefined && before.state !== "present" && state.state === "present") void this.#followRoot();
    return state;
  }

  async #scan(isFull: boolean, paths: Iterable<string>): Promise<SourceState> {
    const startedAt = performance.now();
    try {
      if (!isFull) return await this.#scanner.refresh(paths, this.#signal);
      const state = await this.#scanner.scan(this.#signal);
      this.#schedule.recordScan(performance.now() - startedAt);
      return state;
    } catch (cause) {
      this.#signal.throwIfAborted();
      // A defect, but it must not end the watching.
      this.#changes.addEverything();
      const reason = cause instanceof Error ? cause.message : String(cause);
      const message = `${this.spec.from} cannot be read: ${reason}`;
      return { state: "unreadable", error: new KinsyncError("KINSYNC_SOURCE_UNREADABLE", message, { cause }) };
    }
  }

  /** Whether `state` is probably the middle of a save. Then the files are scanned again soon. */
  #isHeldBack(
    before: SourceState | undefined,
    state: SourceState,
    paths: ReadonlySet<string> | undefined,
    isRequested: boolean,
  ): boolean {
    // A missing file is held back even if the state was requested: a request must not delete a file in the containers.
    const graceMs = this.#missingFile.remainingMs(this.#scanner.shape, before, state);
    if (graceMs > 0) {
      this.#timers.start("grace", graceMs + 1, () => this.#scanEverythingSoon());
      return true;
    }
    const truncatedMs = this.#truncated.remainingMs(before, state, paths);
    if (truncatedMs === 0) return false;
    this.#timers.start("truncated", truncatedMs + 1, () => this.#scanSoon(this.#truncated.paths));
    return !isRequested;
  }

  #settle(state: SourceState): void {
    if (this.#signal.aborted) return;
    if (this.#current !== undefined && isSameState(this.#current, state)) return;
    this.#current = state;
    this.#ready.resolve(state);
    this.#options.onState(state);
  }

  #note(note: string): void {
    if (!this.#signal.aborted) this.#notes.report(note);
  }
}
