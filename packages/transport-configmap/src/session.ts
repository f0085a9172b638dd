import { randomUUID } from "node:crypto";
import { posix } from "node:path";
import { isKinsyncError, KinsyncError } from "@kinsync/core/contract";
import type {
  Batch,
  Inventory,
  InventoryEntry,
  OpenContext,
  Pod,
  Receipt,
  RootSpec,
  Session,
  SessionEnd,
  SessionFacts,
  Stage,
  Target,
} from "@kinsync/core/contract";
import { ContainerView, isShown, type Expected, type LookLimits } from "./container-view.ts";
import type { DataObject, RootState } from "./data-object.ts";
import { findSource, type MountedSource } from "./mounted-source.ts";
import { ObjectAccess, type Change } from "./object-access.ts";
import { nameOf } from "./read-target.ts";
import type { SourceKind } from "./source-kind.ts";
import { readFiles, StagedBatch } from "./staged-batch.ts";

const FILE_MODE = 0o644;

/** A mounted object that a session has met. */
interface Mounted {
  readonly source: MountedSource;
  readonly access: ObjectAccess;
  /** Keys that this session deleted: the container shows them until the kubelet follows. */
  readonly deleted: Set<string>;
}

/** Writes into the objects that one container mounts. Calls are executed one after the other, in the order in which they are made. */
export class DataSession implements Session {
  readonly facts: SessionFacts;
  readonly ended: Promise<SessionEnd>;
  readonly #kind: SourceKind;
  readonly #pod: Pod;
  readonly #target: Target;
  readonly #context: OpenContext;
  readonly #claim = randomUUID();
  readonly #end = Promise.withResolvers<SessionEnd>();
  readonly #view: ContainerView;
  readonly #mounted = new Map<string, Mounted>();
  #isOver = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(kind: SourceKind, pod: Pod, target: Target, context: OpenContext, limits: LookLimits) {
    const workingDirectory = pod.spec.containers.find(({ name }) => name === target.container)?.workingDir;
    this.facts = {
      agent: kind.transport,
      incarnation: target.containerId,
      ...(workingDirectory === undefined ? {} : { workingDirectory }),
    };
    this.ended = this.#end.promise;
    this.#kind = kind;
    this.#pod = pod;
    this.#target = target;
    this.#context = context;
    this.#view = new ContainerView(target, context, limits);
  }

  inventory(
    root: RootSpec,
    { paths, signal }: { readonly paths: readonly string[]; readonly signal: AbortSignal },
  ): Promise<Inventory> {
    return this.#inOrder(signal, async () => {
      const missing: Inventory = { root: "missing", entries: [], placed: [] };
      // The mount itself has the name of this single file, so the file does not exist.
      if (root.shape === "file" && this.#isMount(posix.join(root.path, root.fileName ?? ""))) return missing;
      const { access, source } = this.#at(root);
      const object = await access.read(signal);
      if (object === undefined) return missing;
      const placed = object.placed(root.key);
      const entries: InventoryEntry[] = [];
      for (const path of new Set([...paths, ...placed])) {
        const entry = source.keys?.has(path) === false ? undefined : entryOf(object, path);
        if (entry !== undefined) entries.push(entry);
      }
      const marker = object.roots.get(root.key);
      return { root: "directory", entries, placed, ...(marker === undefined ? {} : { marker }) };
    });
  }

  claim(root: RootSpec, { snapshot, tree, owed, signal }: Parameters<Session["claim"]>[1]): Promise<void> {
    return this.#inOrder(signal, async () => {
      const { access } = this.#at(root);
      await access.change((object) => {
        const state = object.roots.get(root.key);
        const former = state === undefined ? [...object.owned].filter((key) => isOfNoRoot(object, key)) : state.former;
        return changed(object, root.key, object.ownValues(), this.#stateOf(root, { snapshot, tree, owed }, former));
      }, signal);
    });
  }

  stage(batch: Batch, { signal }: { readonly signal: AbortSignal }): Stage {
    const files = this.#inOrder(signal, async () => {
      const { access, source } = this.#at(batch.root);
      const hidden = batch.entries.find(({ op, path }) => op === "file" && source.keys?.has(path) === false);
      if (hidden !== undefined) {
        const message = `${nameOf(this.#target)}: the volume at ${source.mountPath} shows only some keys (\`items\`), and not ${hidden.path}`;
        throw new KinsyncError("KINSYNC_TRANSPORT_CANNOT", message, {
          hint: "Add the key to `items` of the volume, or remove `items`.",
          details: { code: `${this.#kind.code}_ITEMS` },
        });
      }
      const read = await readFiles(batch, signal);
      const object = await access.writable(signal);
      access.check(object, this.#valuesAfter(object, batch, read));
      return read;
    });
    return new StagedBatch(batch, files);
  }

  commit(stage: Stage, { signal }: { readonly signal: AbortSignal }): Promise<Receipt> {
    const staged = stage as StagedBatch;
    const { batch } = staged;
    const { root, snapshot, tree, owed } = batch;
    return this.#inOrder(signal, async () => {
      const files = await staged.files;
      if (staged.isDiscarded) throw new KinsyncError("KINSYNC_INTERNAL", "the stage was discarded");
      const mounted = this.#at(root);
      const object = await mounted.access.change((before) => {
        const { former } = this.#ownState(before, root);
        const left = former?.filter((key) => !files.has(key));
        return changed(
          before,
          root.key,
          this.#valuesAfter(before, batch, files),
          this.#stateOf(root, { snapshot, tree, owed }, left),
        );
      }, signal);
      for (const { op, path } of batch.entries) {
        if (op === "delete") mounted.deleted.add(path);
        else mounted.deleted.delete(path);
      }
      return { snapshot, tree, count: batch.entries.length, ...(await this.#visibility(mounted, object)) };
    });
  }

  /** Looks into this container only: another one committed. */
  async seen(root: RootSpec, { signal }: { readonly tree: string; readonly signal: AbortSignal }): Promise<boolean> {
    const { access, source } = this.#at(root);
    if ((await this.#view.problem()) !== undefined) return false;
    const until = performance.now() + this.#view.visibleWithinMs;
    for (;;) {
      signal.throwIfAborted();
      // Read each time: a later commit, or one of somebody else, may be what the container shows first.
      const object = await access.read(signal);
      const shown = object && (await this.#view.shown(source.mountPath));
      if (object !== undefined && shown !== undefined) {
        const gone = [...shown.keys()].filter((key) => !object.values.has(key));
        if (isShown({ ...expectedOf(object, source), absent: new Set(gone) }, shown)) return true;
      }
      if (performance.now() > until) throw this.#view.lateError(source.mountPath);
      await this.#view.pause();
    }
  }

  async discard(stage: Stage): Promise<void> {
    (stage as StagedBatch).isDiscarded = true;
    await Promise.resolve();
  }

  release(root: RootSpec, { signal }: { readonly signal: AbortSignal }): Promise<void> {
    return this.#inOrder(signal, async () => {
      const { access } = this.#at(root);
      await access.change((object) => {
        this.#ownState(object, root);
        return changed(object, root.key, object.ownValues(), undefined);
      }, signal);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#view[Symbol.asyncDispose]();
    await this.#last;
    this.#end.resolve({ why: "closed" });
  }

  /** When the files are visible here, where that can be known; otherwise the reason why not, as a note. */
  async #visibility({ source, deleted }: Mounted, object: DataObject): Promise<Pick<Receipt, "seen" | "notes">> {
    const problem = await this.#view.problem();
    if (problem === undefined) {
      const expected = { ...expectedOf(object, source), absent: new Set(deleted) };
      return { seen: this.#view.untilShown(source.mountPath, expected) };
    }
    const message = `it cannot be known when the files are visible: ${problem}`;
    return { notes: [{ code: "visibility", path: source.mountPath, message }] };
  }

  /** What kinsync manages in the object after a batch. A delete of a key that is not its own changes nothing. */
  #valuesAfter(object: DataObject, batch: Batch, files: ReadonlyMap<string, Buffer>): ReadonlyMap<string, Buffer> {
    const own = object.ownValues();
    for (const { op, path } of batch.entries) if (op === "delete") own.delete(path);
    for (const [key, value] of files) own.set(key, value);
    return own;
  }

  /** The state of a root that this session claimed. Throws `KINSYNC_TARGET_TAKEN` where another one did since. */
  #ownState(object: DataObject, root: RootSpec): RootState {
    const state = object.roots.get(root.key);
    if (state?.claim === this.#claim) return state;
    const owner = state === undefined ? "released it" : `was taken over by ${state.owner}`;
    throw new KinsyncError("KINSYNC_TARGET_TAKEN", `${nameOf(this.#target)}: ${root.path} ${owner}`);
  }

  #stateOf(
    { fileName, from, shape }: RootSpec,
    marked: { readonly snapshot: number; readonly tree: string; readonly owed?: readonly string[] | undefined },
    former: readonly string[] | undefined,
  ): RootState {
    const { runId, owner, since, host } = this.#context;
    const { snapshot, tree, owed = [] } = marked;
    return {
      format: 1,
      claim: this.#claim,
      runId,
      owner,
      since,
      ...(host === undefined || from === undefined ? {} : { origin: { host, folder: from } }),
      incarnation: this.facts.incarnation,
      snapshot,
      tree,
      at: new Date().toISOString(),
      ...(owed.length === 0 ? {} : { owed }),
      ...(shape === "file" && fileName !== undefined ? { file: fileName } : {}),
      ...(former === undefined || former.length === 0 ? {} : { former }),
    };
  }

  /** The object that is mounted at a root. Throws where there is none that this transport can write. */
  #at(root: RootSpec): Mounted {
    const { source, refusal } = findSource(this.#kind, this.#target, root, this.#pod);
    if (refusal !== undefined) throw refusal;
    let mounted = this.#mounted.get(source.mountPath);
    if (mounted === undefined) {
      const access = new ObjectAccess(this.#kind, source.namespace, source.name, this.#context);
      this.#mounted.set(source.mountPath, (mounted = { source, access, deleted: new Set() }));
    }
    return mounted;
  }

  #isMount(path: string): boolean {
    return findSource(this.#kind, this.#target, { path, shape: "directory", key: "" }, this.#pod).source !== undefined;
  }

  #inOrder<T>(signal: AbortSignal, act: () => Promise<T>): Promise<T> {
    const done = this.#last.then(async () => {
      if (this.#isOver)
        throw new KinsyncError("KINSYNC_TARGET_LOST", `${nameOf(this.#target)}: the session was closed`);
      signal.throwIfAborted();
      try {
        return await act();
      } catch (error) {
        throw signal.aborted && !isKinsyncError(error) ? signal.reason : error;
      }
    });
    this.#last = done.catch(() => undefined);
    return done;
  }
}

function changed(
  object: DataObject,
  key: string,
  own: ReadonlyMap<string, Buffer>,
  state: RootState | undefined,
): Change {
  const roots = new Map(object.roots);
  if (state === undefined) roots.delete(key);
  else roots.set(key, state);
  return { own, roots };
}

/** No mapped root of kinsync has this key among its files. */
function isOfNoRoot(object: DataObject, key: string): boolean {
  return ![...object.roots.keys()].some((root) => object.placed(root).includes(key));
}

/** The digests of kinsync's own files, as far as the volume shows them. */
function expectedOf(object: DataObject, { keys }: MountedSource): Pick<Expected, "files"> {
  const shown = [...object.owned].filter((key) => keys?.has(key) !== false);
  return { files: new Map(shown.map((key) => [key, object.digest(key) ?? ""])) };
}

function entryOf(object: DataObject, path: string): InventoryEntry | undefined {
  const value = object.values.get(path);
  const digest = object.digest(path);
  if (value === undefined || digest === undefined) return undefined;
  return { type: "file", path, mode: FILE_MODE, size: value.length, digest };
}
