import { createHash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { TransportCapabilities } from "../../../../src/contract/capabilities.ts";
import type { ResolvedAction } from "../../../../src/mapping/action.ts";
import type { ContentStore } from "../../../../src/mapping/content-store.ts";
import type { ResolvedMapping } from "../../../../src/mapping/mapping.ts";
import { memoryContent } from "../../../../src/mapping/memory-content.ts";
import { createTree, type Tree, type TreeEntry } from "../../../../src/mapping/tree.ts";
import { actionsDue } from "../../../../src/sync/actions/due.ts";
import { ArchivePool } from "../../../../src/sync/archive/archive-pool.ts";
import type { DesiredRoot, DesiredState } from "../../../../src/sync/target/desired-state.ts";
import { Worker } from "../../../../src/sync/target/worker.ts";
import { ALL_CAPABILITIES } from "../../../support/capabilities.ts";
import { mapping } from "../../../support/mapping.ts";
import { MemoryContainer } from "../../../support/memory-container.ts";

/** Local files of one mapping; `set` is a settled save. */
export class MappedFiles {
  tree: Tree | undefined;
  content: ContentStore = memoryContent([]);
  /** How the bytes of the next saves are read. */
  reading: (content: ContentStore) => ContentStore = (content) => content;
  readonly mapping: ResolvedMapping;
  readonly #onSave: () => void;

  constructor(mapped: ResolvedMapping, onSave: () => void) {
    this.mapping = mapped;
    this.#onSave = onSave;
  }

  set(files: Readonly<Record<string, string>>, mode = 0o644): void {
    const bytes = Object.values(files).map((content) => Buffer.from(content));
    this.content = this.reading(memoryContent(bytes));
    this.tree = createTree(
      "directory",
      Object.entries(files).map(([path, content]): TreeEntry => {
        const digest = createHash("sha256").update(content).digest("hex");
        return { type: "file", path, mode, size: Buffer.byteLength(content), digest };
      }),
    );
    this.#onSave();
  }
}

export interface StartOptions {
  readonly files: readonly MappedFiles[];
  readonly runId?: string;
  readonly since?: string;
  readonly force?: boolean;
  readonly host?: string;
  readonly actions?: readonly ResolvedAction[];
}

/** A container in memory, and a worker that makes it hold mapped files. */
export class TargetFixture implements AsyncDisposable {
  readonly container: MemoryContainer;
  /** What the worker reported, as text, oldest first. */
  readonly events: string[] = [];
  capabilities: TransportCapabilities = ALL_CAPABILITIES;
  /** As in the options of a worker. */
  largeRootBytes = 32 * 1024 * 1024;
  /** As in the options of a worker. */
  largeFileBytes = 4 * 1024 * 1024;
  /** As in the options of a worker. */
  presumedBytes = 256 * 1024;
  /** As in the options of a worker. */
  isGang = false;
  /** Whether the user allowed these deletes of a mapping. */
  mayDelete: (mapping: string, paths: readonly string[]) => boolean = () => true;
  /** Whether commands may start. */
  mayAct = true;
  /** Called with each delivered batch. */
  onSynced: () => void = () => {};
  readonly #archives = new ArchivePool();
  readonly #owed = new Map<string, readonly string[]>();
  #mapped: readonly MappedFiles[] = [];
  /** Released until the next `release`, while a candidate is proposed. */
  #desiredNow: DesiredState | undefined;
  #snapshot = 0;
  #worker: Worker | undefined;
  #reported = Promise.withResolvers<void>();

  constructor(container = new MemoryContainer()) {
    this.container = container;
  }

  /** The worker; `start` makes it. */
  get worker(): Worker {
    if (this.#worker === undefined) throw new Error("the worker was not started");
    return this.#worker;
  }

  files(id: string, options: Partial<ResolvedMapping> = {}): MappedFiles {
    return new MappedFiles(mapping(id, options), () => this.#push());
  }

  start({
    files,
    runId = "me",
    since = "2026-01-01T00:00:00.000Z",
    force = true,
    host,
    actions = [],
  }: StartOptions): void {
    this.#mapped = files;
    this.#snapshot = 1;
    this.#worker = new Worker({
      name: "pod/web-0, container main",
      desired: this.#desired(),
      claimant: { runId, since, force, host },
      mayDelete: (root, paths) => this.mayDelete(root.mapping.id, paths),
      claimed: Object.assign(new Set<string>(), { borrowed: new Set<string>() }),
      archives: this.#archives,
      capabilities: () => this.capabilities,
      open: () => this.container.open(runId, since, host),
      mayAct: () => this.mayAct,
      owed: ({ mapping: { id } }) => this.#owed.get(id) ?? [],
      actionsDue: (paths) => actionsDue(actions, { role: "head", index: "0" }, paths),
      retry: { min: 1, max: 2 },
      largeRootBytes: this.largeRootBytes,
      largeFileBytes: this.largeFileBytes,
      presumedBytes: this.presumedBytes,
      isGang: this.isGang,
      listener: {
        onStatus: (status, reason) => this.#report(`${status}: ${reason}`),
        onSynced: (root, snapshot, stats) => {
          this.#report(`synced ${root.mapping.id} g${snapshot} +${stats.files} -${stats.deleted}`);
          this.onSynced();
        },
        onDelivering: () => {},
        onDelivered: () => {},
        onShared: () => {},
        onApart: () => {},
        onFailure: () => {},
        onReleased: () => this.worker.reclaim(),
        onRetry: (error) => this.#report(`retry ${error.code}`),
        onProgress: () => {},
        onOwed: (id, paths) => {
          this.#owed.set(id, paths);
          this.worker.recordOwed();
        },
        onRun: (action, { result }) =>
          this.#report(`run ${String(action.command)} ${"exitCode" in result ? result.exitCode : result.code}`),
        onLanded: () => {},
        onDeletes: (root, error, deletes) =>
          this.#report(`deletes ${root.mapping.id} ${deletes.paths.join()}: ${error.message}`),
        onNote: (_code, text) => this.#report(`note ${text}`),
        onReceiptNote: ({ message }) => this.#report(`receipt ${message}`),
        onSession: () => {},
        onChange: () => this.#report("change"),
      },
    });
  }

  /** Saves files as part of a candidate, which is not released yet. */
  propose(files: MappedFiles, content: Readonly<Record<string, string>>): void {
    this.#desiredNow ??= this.#desired();
    files.set(content);
  }

  /** Releases the candidate. */
  release(): void {
    this.#desiredNow = undefined;
    this.worker.update(this.#desired());
  }

  /** The candidate is not released. */
  giveUp(): void {
    if (this.#desiredNow !== undefined) this.worker.update(this.#desiredNow);
    this.#desiredNow = undefined;
  }

  /** Waits until a condition holds; checks it after each report of the worker. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await this.#reported.promise;
  }

  /** Lets what is due happen. */
  async turns(count: number): Promise<void> {
    for (let turn = 0; turn < count; turn += 1) await nextTurn();
  }

  /** The target holds this snapshot. */
  synced(snapshot: number): () => boolean {
    const isOfSnapshot = (event: string): boolean => event.startsWith("synced ") && event.includes(`g${snapshot} `);
    return () => this.worker.status === "synced" && this.events.some(isOfSnapshot);
  }

  #report(event: string): void {
    this.events.push(event);
    this.#reported.resolve();
    this.#reported = Promise.withResolvers();
  }

  #push(): void {
    this.#snapshot += 1;
    if (this.#desiredNow === undefined) this.#worker?.update(this.#desired());
    else this.#worker?.update(this.#desiredNow, this.#desired());
  }

  #desired(): DesiredState {
    const roots = this.#mapped.flatMap(({ mapping: each, tree, content }): DesiredRoot[] => {
      if (tree === undefined) return [];
      const spec = { path: each.to, shape: "directory", key: each.id, from: each.from } as const;
      return [{ mapping: each, spec, tree, content, settledAt: 0, isExcluded: () => false }];
    });
    return {
      snapshot: this.#snapshot,
      mappings: this.#mapped.map((each) => each.mapping),
      roots,
      halted: [],
      conflict: undefined,
      key: roots.map(({ mapping: { id }, tree }) => `${id}=${tree.digest}`).join("\n"),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker?.[Symbol.asyncDispose]();
    await this.#archives[Symbol.asyncDispose]();
  }
}
