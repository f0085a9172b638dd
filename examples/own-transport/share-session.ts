import { createHash, randomUUID } from "node:crypto";
import { chmod, lstat, mkdir, open, readFile, rename, rm, unlink, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isKinsyncError, KinsyncError, readArchive } from "@kinsync/core/contract";
import type {
  Batch,
  Inventory,
  InventoryEntry,
  Marker,
  OpenContext,
  PullOptions,
  Receipt,
  RootSpec,
  Session,
  SessionEnd,
  SessionFacts,
  Stage,
  Target,
} from "@kinsync/core/contract";
import { pullFrom } from "./share-pull.ts";

/** What is stored beside the files: who owns the mapped root, and what kinsync created in it. */
interface State {
  /** Identifies one session: an earlier one of the same run must not commit either. */
  readonly claim: string;
  readonly marker: Marker;
  readonly placed: readonly string[];
}

interface ShareStage extends Stage {
  readonly batch: Batch;
  readonly folder: string;
}

/** Writes into a folder of this machine. Calls are executed one after the other, in the order in which they are made. */
export class ShareSession implements Session {
  readonly facts: SessionFacts;
  readonly ended: Promise<SessionEnd>;
  readonly #context: OpenContext;
  readonly #folderOf: (root: RootSpec) => string;
  readonly #claim = randomUUID();
  readonly #end = Promise.withResolvers<SessionEnd>();
  #isOver = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(target: Target, context: OpenContext, folderOf: (root: RootSpec) => string) {
    this.facts = { agent: "share", incarnation: target.containerId };
    this.ended = this.#end.promise;
    this.#context = context;
    this.#folderOf = folderOf;
  }

  inventory(
    root: RootSpec,
    { paths, signal }: { readonly paths: readonly string[]; readonly signal: AbortSignal },
  ): Promise<Inventory> {
    return this.#inOrder(root, signal, async (folder) => {
      const status = await lstat(folder).catch(() => undefined);
      if (status === undefined) return { root: "missing", entries: [], placed: [] };
      if (!status.isDirectory()) return { root: "other", entries: [], placed: [] };
      const state = await this.#readState(root);
      const entries: InventoryEntry[] = [];
      for (const path of new Set([...paths, ...(state?.placed ?? [])])) {
        const entry = await inventoryEntry(folder, path);
        if (entry !== undefined) entries.push(entry);
      }
      return {
        root: "directory",
        entries,
        placed: state?.placed ?? [],
        ...(state === undefined ? {} : { marker: state.marker }),
      };
    });
  }

  claim(
    root: RootSpec,
    { snapshot, tree, signal }: { readonly snapshot: number; readonly tree: string; readonly signal: AbortSignal },
  ): Promise<void> {
    return this.#inOrder(root, signal, async (folder) => {
      await mkdir(folder, { recursive: true });
      await mkdir(this.#stateFolder(root), { recursive: true });
      const before = await this.#readState(root);
      await this.#writeState(root, snapshot, tree, before?.placed ?? []);
    });
  }

  stage(batch: Batch, { signal }: { readonly signal: AbortSignal }): ShareStage {
    const folder = join(this.#stateFolder(batch.root), `stage-${randomUUID()}`);
    const ready = this.#inOrder(batch.root, signal, async () => {
      try {
        await mkdir(folder);
        await writeStage(batch, folder, signal);
      } catch (error) {
        await rm(folder, { recursive: true, force: true });
        throw error;
      }
    });
    // `commit` rejects with the same failure: a caller need not await `ready`.
    ready.catch(() => undefined);
    return { ready, batch, folder };
  }

  async commit(stage: Stage, { signal }: { readonly signal: AbortSignal }): Promise<Receipt> {
    const { ready, batch, folder: staged } = stage as ShareStage;
    const { root, entries, snapshot, tree } = batch;
    const committed = this.#inOrder(root, signal, async (folder) => {
      await ready;
      const state = await this.#readState(root);
      if (state?.claim !== this.#claim) {
        throw new KinsyncError("KINSYNC_TARGET_TAKEN", `${root.path} was taken over by ${state?.marker.owner}`);
      }
      for (const [index, entry] of entries.entries()) {
        const path = join(folder, entry.path);
        if (entry.op === "file") await replaceFile(join(staged, String(index)), path);
        else if (entry.op === "delete") await unlink(path).catch(ignoreMissing);
      }
      const unplaced = new Set(batch.unplaced);
      const placed = new Set([...state.placed, ...batch.placed].filter((path) => !unplaced.has(path)));
      await this.#writeState(root, snapshot, tree, [...placed]);
      await rm(staged, { recursive: true, force: true });
      return { snapshot, tree, count: entries.length };
    });
    return committed;
  }

  /** Beside the calls that are in order: it writes nothing. */
  async pull(path: string, options: PullOptions): Promise<void> {
    if (this.#isOver) throw new KinsyncError("KINSYNC_TARGET_LOST", "the session was closed");
    await pullFrom(this.#folderOf({ path, shape: "directory", key: "pull" }), path, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#last;
    this.#end.resolve({ why: "closed" });
  }

  #inOrder<T>(root: RootSpec, signal: AbortSignal, act: (folder: string) => Promise<T>): Promise<T> {
    const done = this.#last.then(async () => {
      if (this.#isOver) throw new KinsyncError("KINSYNC_TARGET_LOST", "the session was closed");
      signal.throwIfAborted();
      try {
        return await act(this.#folderOf(root));
      } catch (error) {
        throw signal.aborted ? error : asKinsyncError(error, root);
      }
    });
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** Beside the root, so that a rename stays on one file system. */
  #stateFolder(root: RootSpec): string {
    return join(dirname(this.#folderOf(root)), ".kinsync", root.key);
  }

  async #readState(root: RootSpec): Promise<State | undefined> {
    const text = await readFile(join(this.#stateFolder(root), "state"), "utf8").catch(ignoreMissing);
    return text === undefined ? undefined : (JSON.parse(text) as State);
  }

  async #writeState(root: RootSpec, snapshot: number, tree: string, placed: readonly string[]): Promise<void> {
    const { runId, owner, since, host } = this.#context;
    const { incarnation } = this.facts;
    const origin = host === undefined || root.from === undefined ? {} : { origin: { host, folder: root.from } };
    const marker: Marker = { format: 1, runId, owner, since, ...origin, incarnation, snapshot, tree };
    const state: State = { claim: this.#claim, marker, placed };
    const path = join(this.#stateFolder(root), "state");
    await writeFile(`${path}.new`, JSON.stringify(state));
    await rename(`${path}.new`, path);
  }
}

/** Writes every file of the batch under its number and compares its digest. */
async function writeStage(batch: Batch, folder: string, signal: AbortSignal): Promise<void> {
  const numbers = new Map(batch.entries.map((entry, index) => [entry.path, index]));
  let digest = createHash("sha256");
  for await (const { entry, bytes, isLast } of readArchive(batch, signal)) {
    if (Buffer.byteLength(entry.path) > 255) {
      throw new KinsyncError("KINSYNC_TARGET_PATH", `the name ${entry.path} is too long`);
    }
    await using file = await open(join(folder, String(numbers.get(entry.path))), "a");
    await file.appendFile(bytes);
    digest.update(bytes);
    if (!isLast) continue;
    if (digest.digest("hex") !== entry.digest) {
      throw new KinsyncError("KINSYNC_TARGET_LOST", `the bytes of ${entry.path} did not arrive complete`);
    }
    digest = createHash("sha256");
  }
}

/** One rename: a reader sees the old file or the new one. Programs notice a new version by its time, in whole seconds. */
async function replaceFile(staged: string, path: string): Promise<void> {
  const before = await lstat(path).catch(ignoreMissing);
  if (before?.isDirectory() === true) {
    throw new KinsyncError("KINSYNC_TARGET_FOREIGN", `${path} is a folder that kinsync did not create`);
  }
  const time = Math.max(Date.now(), (before?.mtimeMs ?? 0) + 1_001) / 1000;
  await chmod(staged, 0o644);
  await utimes(staged, time, time);
  await rename(staged, path);
}

async function inventoryEntry(folder: string, path: string): Promise<InventoryEntry | undefined> {
  const status = await lstat(join(folder, path)).catch(ignoreMissing);
  if (status === undefined) return undefined;
  if (!status.isFile()) return { type: "other", path };
  const digest = createHash("sha256")
    .update(await readFile(join(folder, path)))
    .digest("hex");
  return { type: "file", path, mode: status.mode & 0o777, size: status.size, digest };
}

const CODES = {
  ENOTDIR: "KINSYNC_TARGET_PATH",
  EEXIST: "KINSYNC_TARGET_PATH",
  ENAMETOOLONG: "KINSYNC_TARGET_PATH",
  EACCES: "KINSYNC_TARGET_DENIED",
  EPERM: "KINSYNC_TARGET_DENIED",
  EROFS: "KINSYNC_TARGET_READ_ONLY",
  ENOSPC: "KINSYNC_TARGET_FULL",
} as const;

function asKinsyncError(error: unknown, root: RootSpec): unknown {
  if (isKinsyncError(error) || !(error instanceof Error) || !("code" in error)) return error;
  const code = CODES[error.code as keyof typeof CODES] ?? "KINSYNC_TARGET_LOST";
  return new KinsyncError(code, `${root.path} on the share: ${error.message}`, { cause: error });
}

function ignoreMissing(error: unknown): undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code !== "ENOENT") throw error;
}
