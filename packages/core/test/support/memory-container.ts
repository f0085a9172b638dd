import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { extract } from "tar-stream";
import { KinsyncError } from "../../src/errors/error.ts";
import type {
  Batch,
  HostedSession,
  Inventory,
  InventoryEntry,
  Marker,
  Receipt,
  ReceiptNote,
  RootSpec,
  Session,
  SessionEnd,
  Stage,
} from "../../src/contract/transport.ts";
import type { RunResult } from "../../src/contract/action.ts";

type Node = InventoryEntry & { readonly bytes?: Buffer };

interface RootState {
  readonly files: Map<string, Node>;
  placed: Set<string>;
  mounts: readonly string[];
  marker: Marker | undefined;
}

/** A container in memory: what a worker can do to it, and the faults that it can meet. */
export class MemoryContainer {
  /** UID of the pod that it belongs to. */
  readonly uid: string;
  readonly roots = new Map<string, RootState>();
  readonly log: string[] = [];
  /** Files of the image, by the key of the root: path -> content. */
  readonly image: Readonly<Record<string, Readonly<Record<string, string>>>>;
  sessions = 0;
  /** Every session that was opened. */
  readonly opened: MemorySession[] = [];
  /** Errors that the next calls of an operation throw, in order. */
  readonly faults = new Map<"open" | "claim" | "inventory" | "commit" | "run", unknown[]>();
  runExitCode = 0;
  /** Receipts say that this could not be set. */
  notes: readonly ReceiptNote[] = [];
  /** Receipts say that the files become visible with this. */
  becomesVisible: Promise<void> | undefined;
  /** Commits wait for this. */
  gate: Promise<void> = Promise.resolve();
  #current: MemorySession | undefined;

  constructor(uid = "u", image: MemoryContainer["image"] = {}) {
    this.uid = uid;
    this.image = image;
  }

  root(key: string): RootState {
    let root = this.roots.get(key);
    if (root !== undefined) return root;
    root = { files: new Map(), placed: new Set(), mounts: [], marker: undefined };
    this.roots.set(key, root);
    for (const [path, content] of Object.entries(this.image[key] ?? {})) this.put(key, path, content);
    return root;
  }

  /** Path -> content, link target or mode, as somebody else would see it. */
  seen(key: string): Record<string, string> {
    const files = [...this.root(key).files.values()].map((node) => [
      node.path,
      node.type === "file" ? (node.bytes?.toString() ?? "") : node.type === "link" ? `-> ${node.target}` : node.type,
    ]);
    return Object.fromEntries(files.toSorted(([a], [b]) => ((a ?? "") < (b ?? "") ? -1 : 1))) as Record<string, string>;
  }

  put(key: string, path: string, content: string, mode = 0o644): void {
    const bytes = Buffer.from(content);
    this.root(key).files.set(path, {
      type: "file",
      path,
      mode,
      size: bytes.length,
      digest: digestOf(bytes),
      bytes,
    });
  }

  fault(operation: "open" | "claim" | "inventory" | "commit" | "run"): void {
    const error = this.faults.get(operation)?.shift();
    if (error !== undefined) throw error;
  }

  failNext(operation: "open" | "claim" | "inventory" | "commit" | "run", ...errors: unknown[]): void {
    this.faults.set(operation, [...(this.faults.get(operation) ?? []), ...errors]);
  }

  async open(session: string, since = "2026-01-01T00:00:00.000Z", host?: string): Promise<HostedSession> {
    this.fault("open");
    this.sessions += 1;
    this.#current = new MemorySession(this, { session, since, host });
    this.opened.push(this.#current);
    return this.#current;
  }

  /** The connection breaks; the content stays. */
  breakConnection(): void {
    for (const session of this.opened) session.end({ why: "lost" });
  }

  /** Sessions that neither side has ended. */
  get openSessions(): number {
    return this.opened.filter((session) => !session.isOver).length;
  }

  /** Another run claims every claimed root. @returns their keys */
  takeOver(since: string): string[] {
    const taken: string[] = [];
    for (const [key, root] of this.roots) {
      if (root.marker === undefined) continue;
      root.marker = { ...root.marker, runId: "another-run", owner: "somebody", since };
      taken.push(key);
    }
    return taken;
  }

  /** The container restarts: its layer is fresh. */
  restart(): void {
    this.roots.clear();
    this.#current?.end({ why: "lost" });
  }
}

function digestOf(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export class MemorySession implements Session {
  readonly facts = { agent: "memory", incarnation: "1", workingDirectory: "/" };
  readonly ended: Promise<SessionEnd>;
  readonly #container: MemoryContainer;
  readonly #session: string;
  readonly #since: string;
  readonly #host: string | undefined;
  readonly #end = Promise.withResolvers<SessionEnd>();
  readonly #stages = new WeakMap<Stage, { batch: Batch; content: Promise<Map<string, Buffer>> }>();
  #over = false;

  constructor(
    container: MemoryContainer,
    run: { readonly session: string; readonly since: string; readonly host: string | undefined },
  ) {
    this.#container = container;
    this.#session = run.session;
    this.#since = run.since;
    this.#host = run.host;
    this.ended = this.#end.promise;
  }

  get isOver(): boolean {
    return this.#over;
  }

  end(end: SessionEnd): void {
    this.#over = true;
    this.#end.resolve(end);
  }

  #check(): void {
    if (this.#over) throw new KinsyncError("KINSYNC_TARGET_LOST", "the connection ended");
  }

  async inventory(spec: RootSpec, options: { paths: readonly string[]; list?: boolean }): Promise<Inventory> {
    this.#check();
    this.#container.fault("inventory");
    const root = this.#container.root(spec.key);
    const asked = new Set(options.paths);
    const entries = [...root.files.values()]
      .filter((node) => options.list === true || asked.has(node.path))
      .map((node): InventoryEntry => node);
    this.#container.log.push(`inventory ${spec.key}`);
    return {
      root: "directory",
      entries,
      placed: [...root.placed],
      mounts: root.mounts,
      ...(root.marker === undefined ? {} : { marker: root.marker }),
    };
  }

  async claim(spec: RootSpec, options: { snapshot: number; tree: string }): Promise<void> {
    this.#check();
    this.#container.fault("claim");
    const origin =
      this.#host === undefined || spec.from === undefined ? {} : { origin: { host: this.#host, folder: spec.from } };
    this.#container.root(spec.key).marker = {
      ...origin,
      format: 1,
      runId: this.#session,
      owner: `owner of ${this.#session}`,
      since: this.#since,
      incarnation: "1",
      snapshot: options.snapshot,
      tree: options.tree,
    };
  }

  stage(batch: Batch, options: { signal: AbortSignal }): Stage {
    const content = unpack(batch, options.signal);
    content.catch(() => {});
    const stage = { ready: content.then(() => {}) };
    this.#stages.set(stage, { batch, content });
    return stage;
  }

  async commit(stage: Stage): Promise<Receipt> {
    const staged = this.#stages.get(stage);
    if (staged === undefined) throw new Error("unknown stage");
    const content = await staged.content;
    await this.#container.gate;
    this.#check();
    this.#container.fault("commit");
    const { batch } = staged;
    const root = this.#container.root(batch.root.key);
    if (root.marker?.runId !== this.#session) throw new KinsyncError("KINSYNC_TARGET_TAKEN", "taken over");
    for (const entry of batch.entries) {
      if (entry.op === "delete") root.files.delete(entry.path);
      else if (entry.op === "chmod") {
        const node = root.files.get(entry.path);
        if (node !== undefined && "mode" in node) root.files.set(entry.path, { ...node, mode: entry.mode });
      } else if (entry.op === "file") {
        const bytes = content.get(entry.path) ?? Buffer.alloc(0);
        const { path, mode, size, digest } = entry;
        root.files.set(entry.path, { type: "file", path, mode, size, digest, bytes });
      } else if (entry.op === "link")
        root.files.set(entry.path, { type: "link", path: entry.path, target: entry.target });
      else root.files.set(entry.path, { type: "directory", path: entry.path, mode: entry.mode });
    }
    for (const path of batch.placed) root.placed.add(path);
    for (const path of batch.unplaced) root.placed.delete(path);
    root.marker = { ...root.marker, snapshot: batch.snapshot, tree: batch.tree };
    this.#container.log.push(
      `commit ${batch.root.key} ${batch.entries.map((entry) => `${entry.op} ${entry.path}`).join(", ")}`,
    );
    const { becomesVisible: seen } = this.#container;
    const receipt = {
      snapshot: batch.snapshot,
      tree: batch.tree,
      count: batch.entries.length,
      notes: this.#container.notes,
    };
    return seen === undefined ? receipt : { ...receipt, seen };
  }

  async discard(): Promise<void> {}

  async run(command: readonly string[] | string): Promise<RunResult> {
    this.#check();
    this.#container.fault("run");
    this.#container.log.push(`run ${String(command)}`);
    return { exitCode: this.#container.runExitCode, why: "exited", output: "out", truncated: false, duration: 1 };
  }

  async ping(): Promise<number> {
    this.#check();
    return 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end({ why: "closed" });
  }
}

async function unpack(batch: Batch, signal: AbortSignal): Promise<Map<string, Buffer>> {
  const content = new Map<string, Buffer>();
  const tar = extract();
  const archive = Readable.from(batch.archive.chunks(signal));
  archive.on("error", (error) => tar.destroy(error));
  archive.pipe(tar);
  for await (const entry of tar as unknown as AsyncIterable<AsyncIterable<Buffer> & { header: { name: string } }>) {
    const parts: Buffer[] = [];
    for await (const part of entry) parts.push(part);
    content.set(entry.header.name, Buffer.concat(parts));
  }
  return content;
}
