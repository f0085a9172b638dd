import {
  accessSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { pipeline, Readable } from "node:stream";
import { extract } from "tar-stream";
import { KinsyncError, type ErrorCode } from "../../../../src/contract/index.ts";
import type {
  Batch,
  Inventory,
  Marker,
  OpenContext,
  RootSpec,
  Session,
  SessionEnd,
  Stage,
} from "../../../../src/contract/transport.ts";
import type { RunResult } from "../../../../src/contract/action.ts";
import type { PullOptions } from "../../../../src/contract/pull.ts";
import { pullLocal } from "./local-pull.ts";
import { runCommand } from "./command.ts";
import type { Connection, Network } from "./connection.ts";
import { carryOut, inventoryEntry, isReached, sha256, walk } from "./local-files.ts";

/** What a session finds on its way to the container. */
export interface LocalContainer {
  readonly network: Network;
  /** Bytes that a mapped root below this folder may hold. */
  readonly small: { readonly folder: string; readonly maxBytes: number };
}

/** Bytes on the wire of a call without content, and of an answer. */
const CALL_BYTES = 100;
const ANSWER_BYTES = 60;

function fail(code: ErrorCode, message: string): KinsyncError {
  return new KinsyncError(code, message);
}

/** Writes into a folder of this machine. Meets every requirement of the kit. */
export class LocalSession implements Session {
  readonly facts = { agent: "local", incarnation: "1", workingDirectory: "/" };
  readonly ended: Promise<SessionEnd>;
  readonly #context: OpenContext;
  readonly #small: LocalContainer["small"];
  readonly #connection: Connection;
  readonly #end = Promise.withResolvers<SessionEnd>();
  readonly #stages = new WeakMap<Stage, { readonly batch: Batch; readonly folder: string }>();
  #order: Promise<unknown> = Promise.resolve();
  #over = false;
  #claimed = 0;
  #count = 0;

  private constructor(context: OpenContext, { network, small }: LocalContainer) {
    this.#context = context;
    this.#small = small;
    this.#connection = network.connect(() => this.end({ why: "lost" }));
    this.ended = this.#end.promise;
  }

  static async open(context: OpenContext, container: LocalContainer): Promise<LocalSession> {
    const session = new LocalSession(context, container);
    await session.#connection.send(CALL_BYTES);
    session.#connection.receive(ANSWER_BYTES);
    context.signal.throwIfAborted();
    return session;
  }

  end(end: SessionEnd): void {
    this.#over = true;
    this.#end.resolve(end);
  }

  #inOrder<T>(act: () => T | Promise<T>, signal?: AbortSignal): Promise<T> {
    const done = this.#order.then(async () => {
      signal?.throwIfAborted();
      if (this.#over) throw fail("KINSYNC_TARGET_LOST", "it ended");
      try {
        await this.#connection.send(CALL_BYTES);
        const answer = await act();
        this.#connection.receive(ANSWER_BYTES);
        return answer;
      } catch (error) {
        if (!(error instanceof Error) || !("code" in error) || error.code !== "ENAMETOOLONG") throw error;
        throw new KinsyncError("KINSYNC_TARGET_PATH", "a name is too long", { cause: error });
      }
    });
    this.#order = done.catch(() => {});
    return done;
  }

  #state(root: RootSpec): string {
    return join(dirname(root.path), ".kinsync", root.key);
  }

  #marker(root: RootSpec): (Marker & { claim: number }) | undefined {
    const path = join(this.#state(root), "marker");
    return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Marker & { claim: number }) : undefined;
  }

  #mark(root: RootSpec, { snapshot, tree, owed }: Pick<Batch, "snapshot" | "tree" | "owed">): void {
    const { runId, owner, since, host } = this.#context;
    const { from } = root;
    const marker: Marker & { claim: number } = {
      claim: this.#claimed,
      format: 1,
      runId,
      owner,
      since,
      incarnation: "1",
      ...(host === undefined || from === undefined ? {} : { origin: { host, folder: from } }),
      snapshot,
      tree,
      ...(owed === undefined ? {} : { owed }),
    };
    writeFileSync(join(this.#state(root), "marker"), JSON.stringify(marker));
  }

  #placed(root: RootSpec): string[] {
    const path = join(this.#state(root), "manifest");
    return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as string[]) : [];
  }

  inventory(
    root: RootSpec,
    options: { paths: readonly string[]; list?: boolean; signal: AbortSignal },
  ): Promise<Inventory> {
    return this.#inOrder(() => {
      const marker = this.#marker(root);
      const placed = this.#placed(root);
      const paths = options.list === true ? walk(root.path, "") : new Set([...options.paths, ...placed]);
      const entries = [...paths].flatMap((path) => inventoryEntry(root, path) ?? []);
      const found = existsSync(root.path) ? "directory" : "missing";
      const isEmpty = found === "directory" && readdirSync(root.path).every((name) => name === ".kinsync");
      return { root: found, entries, placed, isEmpty, ...(marker === undefined ? {} : { marker }) };
    }, options.signal);
  }

  claim(
    root: RootSpec,
    options: Pick<Batch, "snapshot" | "tree" | "owed"> & { readonly signal: AbortSignal },
  ): Promise<void> {
    return this.#inOrder(() => {
      if (root.path === "/") throw fail("KINSYNC_TARGET_PATH", "the root of all");
      try {
        mkdirSync(root.path, { recursive: true });
        accessSync(join(root.path, "."));
      } catch (error) {
        throw new KinsyncError("KINSYNC_TARGET_PATH", "a file is where a folder must be", { cause: error });
      }
      mkdirSync(this.#state(root), { recursive: true });
      this.#claimed ||= Math.random();
      this.#mark(root, options);
    }, options.signal);
  }

  stage(batch: Batch, options: { signal: AbortSignal }): Stage {
    this.#count += 1;
    const folder = join(this.#state(batch.root), `stage-${this.#count}-${Math.random()}`);
    const ready = this.#inOrder(() => this.#unpack(batch, folder, options.signal), options.signal);
    ready.catch(() => {});
    const stage = { ready };
    this.#stages.set(stage, { batch, folder });
    return stage;
  }

  async #unpack(batch: Batch, folder: string, signal: AbortSignal): Promise<void> {
    mkdirSync(folder);
    const content = new Map<string, Buffer>();
    try {
      const tar = extract();
      // Ends the loop below with the very error of the source.
      const source = Readable.from(this.#sent(batch, signal));
      pipeline(source, tar, (error) => error && tar.destroy(error));
      for await (const entry of tar as unknown as AsyncIterable<
        AsyncIterable<Buffer> & { header: { name: string; type: string } }
      >) {
        const parts: Buffer[] = [];
        for await (const part of entry) parts.push(part);
        if (entry.header.type === "file") content.set(entry.header.name, Buffer.concat(parts));
      }
      this.#checkSpace(batch.root, content);
      for (const [index, entry] of batch.entries.entries()) {
        if (entry.op !== "file") continue;
        const bytes = content.get(entry.path) ?? Buffer.alloc(0);
        if (sha256(bytes) !== entry.digest) {
          throw fail("KINSYNC_TARGET_LOST", "the bytes did not arrive whole");
        }
        writeFileSync(join(folder, String(index)), bytes);
      }
    } catch (error) {
      rmSync(folder, { recursive: true });
      throw error;
    }
  }

  /** The archive, as fast as the container takes it. */
  async *#sent(batch: Batch, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    for await (const chunk of batch.archive.chunks(signal)) {
      await this.#connection.send(chunk.length);
      yield chunk;
    }
  }

  #checkSpace(root: RootSpec, content: ReadonlyMap<string, Buffer>): void {
    const { folder, maxBytes } = this.#small;
    const bytes = [...content.values()].reduce((sum, each) => sum + each.length, 0);
    if (root.path.startsWith(`${folder}/`) && bytes > maxBytes) {
      throw fail("KINSYNC_TARGET_FULL", `${bytes} bytes do not fit into ${folder}`);
    }
  }

  async commit(stage: Stage, options: { signal: AbortSignal }) {
    const staged = this.#stages.get(stage);
    if (staged === undefined) throw fail("KINSYNC_INTERNAL", "an unknown stage");
    const { batch, folder } = staged;
    await stage.ready;
    return this.#inOrder(() => {
      const owner = this.#marker(batch.root);
      if (owner?.claim !== this.#claimed) {
        throw fail("KINSYNC_TARGET_TAKEN", `taken over by ${owner?.owner}`);
      }
      const doomed = new Set(batch.entries.flatMap((entry) => (entry.op === "delete" ? [entry.path] : [])));
      const built = new Set(batch.entries.flatMap((entry) => (entry.op === "directory" ? [entry.path] : [])));
      for (const entry of batch.entries) {
        if (entry.op === "delete" || entry.op === "chmod" || built.has(dirname(entry.path))) continue;
        if (!isReached(batch.root, entry.path)) throw fail("KINSYNC_TARGET_DENIED", "a link is on the way");
        const path = join(batch.root.path, entry.path);
        if (entry.op === "directory" || lstatSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) continue;
        if (walk(path, `${entry.path}/`).some((inside) => !doomed.has(inside))) {
          throw fail("KINSYNC_TARGET_FOREIGN", "something foreign stands in the way");
        }
      }
      for (const [index, entry] of batch.entries.entries()) carryOut(batch.root, entry, join(folder, String(index)));
      rmSync(folder, { recursive: true });
      const gone = new Set(batch.unplaced);
      const placed = [...new Set([...this.#placed(batch.root), ...batch.placed])].filter((path) => !gone.has(path));
      writeFileSync(join(this.#state(batch.root), "manifest"), JSON.stringify(placed));
      this.#mark(batch.root, batch);
      return { snapshot: batch.snapshot, tree: batch.tree, count: batch.entries.length };
    }, options.signal);
  }

  release(root: RootSpec, { signal }: { readonly signal: AbortSignal }): Promise<void> {
    return this.#inOrder(() => {
      const owner = this.#marker(root);
      if (owner?.claim !== this.#claimed) throw fail("KINSYNC_TARGET_TAKEN", `taken over by ${owner?.owner}`);
      rmSync(this.#state(root), { recursive: true });
      const all = dirname(this.#state(root));
      if (readdirSync(all).length === 0) rmdirSync(all);
    }, signal);
  }

  discard(stage: Stage): Promise<void> {
    const staged = this.#stages.get(stage);
    this.#stages.delete(stage);
    return this.#inOrder(() => rmSync(staged?.folder ?? "", { recursive: true, force: true }));
  }

  run(
    command: readonly string[] | string,
    options: { timeout: number; signal: AbortSignal; onOutput?: (text: string) => void },
  ): Promise<RunResult> {
    return runCommand(command, options);
  }

  async pull(path: string, options: PullOptions): Promise<void> {
    await pullLocal(path, options);
  }

  ping({ signal }: { readonly signal: AbortSignal }): Promise<number> {
    return this.#inOrder(() => 1, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end({ why: "closed" });
  }
}
