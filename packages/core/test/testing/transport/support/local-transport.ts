import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  accessSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pipeline, Readable } from "node:stream";
import { extract } from "tar-stream";
import type { ClusterConnection } from "../../../../src/contract/cluster.ts";
import { KinsyncError, type ErrorCode } from "../../../../src/contract/index.ts";
import {
  defineTransport,
  type Batch,
  type Inventory,
  type InventoryEntry,
  type Marker,
  type OpenContext,
  type RootSpec,
  type Session,
  type SessionEnd,
  type Stage,
} from "../../../../src/contract/transport.ts";
import type { RunResult } from "../../../../src/contract/action.ts";
import type { TransportEnvironment } from "../../../../src/testing/index.ts";

/** What a transport may do wrong. */
export type Flaw =
  | "none"
  | "commits without a check"
  | "follows links"
  | "forgets modes"
  | "ignores who claimed"
  | "keeps the old modification time"
  | "loses the manifest"
  | "shows the stage"
  | "writes in place"
  | "writes to any pod";

const TARGET = { namespace: "default", pod: "p", podUid: "uid-1", container: "main", containerId: "local://1" };

/** A transport into a folder of this machine, right but for one flaw; and a world around it. */
export async function makeFlawedEnvironment(flaw: Flaw): Promise<TransportEnvironment> {
  const base = realpathSync(mkdtempSync(join(tmpdir(), "kinsync-local-")));
  const sessions = new Set<LocalSession>();
  const end = (end: SessionEnd): void => {
    for (const session of sessions) session.end(end);
  };
  return {
    transport: defineTransport({
      name: "local",
      capabilities: {
        folders: true,
        links: true,
        modes: true,
        deletes: true,
        run: true,
        inPlace: true,
        mirror: true,
        atomic: "batch",
        acknowledges: "seen",
      },
      async open(target, context) {
        context.signal.throwIfAborted();
        const isRight = target.podUid === TARGET.podUid && target.containerId === TARGET.containerId;
        if (!isRight && flaw !== "writes to any pod") throw fail("KINSYNC_TARGET_GONE", "another pod has its name");
        const session = new LocalSession(context, flaw);
        sessions.add(session);
        return session;
      },
    }),
    cluster: {} as ClusterConnection,
    target: TARGET,
    folder: base,
    async lstat(path) {
      const stats = lstatSync(path, { throwIfNoEntry: false });
      if (stats === undefined) return undefined;
      const type = stats.isFile() ? "file" : stats.isDirectory() ? "directory" : "link";
      const common = { type, mode: stats.mode & 0o7777, size: stats.size, mtime: stats.mtimeMs } as const;
      return type === "link" ? { ...common, target: readlinkSync(path) } : common;
    },
    readFile: async (path) => readFileSync(path),
    list: async (path) => readdirSync(path),
    writeFile: async (path, bytes) => writeFileSync(path, bytes),
    makeDirectory: async (path) => mkdirSync(path),
    makeLink: async (target, path) => symlinkSync(target, path),
    restart: async () => end({ why: "gone" }),
    breakConnection: async () => end({ why: "lost" }),
    [Symbol.asyncDispose]: async () => rmSync(base, { recursive: true, force: true }),
  };
}

function fail(code: ErrorCode, message: string): KinsyncError {
  return new KinsyncError(code, message);
}

class LocalSession implements Session {
  readonly facts = { agent: "local", incarnation: "1", workingDirectory: "/" };
  readonly ended: Promise<SessionEnd>;
  readonly #context: OpenContext;
  readonly #flaw: Flaw;
  readonly #end = Promise.withResolvers<SessionEnd>();
  readonly #stages = new WeakMap<Stage, { readonly batch: Batch; readonly folder: string }>();
  #order: Promise<unknown> = Promise.resolve();
  #over = false;
  #claimed = 0;
  #count = 0;

  constructor(context: OpenContext, flaw: Flaw) {
    this.#context = context;
    this.#flaw = flaw;
    this.ended = this.#end.promise;
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
        return await act();
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

  #mark(root: RootSpec, snapshot: number, tree: string): void {
    const { runId, owner, since } = this.#context;
    const marker: Marker & { claim: number } = {
      claim: this.#claimed,
      format: 1,
      runId,
      owner,
      since,
      incarnation: "1",
      snapshot,
      tree,
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
      const placed = this.#flaw === "loses the manifest" ? [] : this.#placed(root);
      const paths = options.list === true ? walk(root.path, "") : new Set([...options.paths, ...placed]);
      const entries = [...paths].flatMap((path) => this.#entry(root, path) ?? []);
      const found = existsSync(root.path) ? "directory" : "missing";
      return { root: found, entries, placed, ...(marker === undefined ? {} : { marker }) };
    }, options.signal);
  }

  #entry(root: RootSpec, path: string): InventoryEntry | undefined {
    const stats = lstatSync(join(root.path, path), { throwIfNoEntry: false });
    if (stats === undefined || !this.#isReached(root, path)) return undefined;
    if (stats.isDirectory()) return { type: "directory", path, mode: stats.mode & 0o777 };
    if (stats.isSymbolicLink()) return { type: "link", path, target: readlinkSync(join(root.path, path)) };
    const digest = sha256(readFileSync(join(root.path, path)));
    return { type: "file", path, mode: stats.mode & 0o777, size: stats.size, digest };
  }

  #isReached(root: RootSpec, path: string): boolean {
    if (this.#flaw === "follows links") return true;
    for (let at = dirname(path); at !== "."; at = dirname(at)) {
      if (lstatSync(join(root.path, at), { throwIfNoEntry: false })?.isDirectory() !== true) return false;
    }
    return true;
  }

  claim(root: RootSpec, options: { snapshot: number; tree: string; signal: AbortSignal }): Promise<void> {
    return this.#inOrder(() => {
      if (root.path === "/") throw fail("KINSYNC_TARGET_PATH", "the root of all");
      try {
        mkdirSync(root.path, { recursive: true });
        accessSync(join(root.path, "."));
      } catch (error) {
        throw new KinsyncError("KINSYNC_TARGET_PATH", "a file is where a folder must be", { cause: error });
      }
      mkdirSync(this.#state(root), { recursive: true });
      this.#claimed = Math.random();
      this.#mark(root, options.snapshot, options.tree);
    }, options.signal);
  }

  stage(batch: Batch, options: { signal: AbortSignal }): Stage {
    this.#count += 1;
    const folder =
      this.#flaw === "shows the stage"
        ? join(batch.root.path, `stage-${this.#count}`)
        : join(this.#state(batch.root), `stage-${this.#count}-${Math.random()}`);
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
      const source = Readable.from(batch.archive.chunks(signal));
      pipeline(source, tar, (error) => error && tar.destroy(error));
      for await (const entry of tar as unknown as AsyncIterable<
        AsyncIterable<Buffer> & { header: { name: string; type: string } }
      >) {
        const parts: Buffer[] = [];
        for await (const part of entry) parts.push(part);
        if (entry.header.type === "file") content.set(entry.header.name, Buffer.concat(parts));
      }
      for (const [index, entry] of batch.entries.entries()) {
        if (entry.op !== "file") continue;
        const bytes = content.get(entry.path) ?? Buffer.alloc(0);
        if (sha256(bytes) !== entry.digest && this.#flaw !== "commits without a check") {
          throw fail("KINSYNC_TARGET_LOST", "the bytes did not arrive whole");
        }
        writeFileSync(join(folder, String(index)), bytes);
      }
    } catch (error) {
      rmSync(folder, { recursive: true });
      throw error;
    }
  }

  async commit(stage: Stage, options: { signal: AbortSignal }) {
    const staged = this.#stages.get(stage);
    if (staged === undefined) throw fail("KINSYNC_INTERNAL", "an unknown stage");
    const { batch, folder } = staged;
    await stage.ready;
    return this.#inOrder(() => {
      const owner = this.#marker(batch.root);
      if (owner?.claim !== this.#claimed && this.#flaw !== "ignores who claimed") {
        throw fail("KINSYNC_TARGET_TAKEN", `taken over by ${owner?.owner}`);
      }
      const doomed = new Set(batch.entries.flatMap((entry) => (entry.op === "delete" ? [entry.path] : [])));
      const built = new Set(batch.entries.flatMap((entry) => (entry.op === "directory" ? [entry.path] : [])));
      for (const entry of batch.entries) {
        if (entry.op === "delete" || entry.op === "chmod" || built.has(dirname(entry.path))) continue;
        if (!this.#isReached(batch.root, entry.path)) throw fail("KINSYNC_TARGET_DENIED", "a link is on the way");
        const path = join(batch.root.path, entry.path);
        if (entry.op === "directory" || lstatSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) continue;
        if (walk(path, `${entry.path}/`).some((inside) => !doomed.has(inside))) {
          throw fail("KINSYNC_TARGET_FOREIGN", "something foreign stands in the way");
        }
      }
      for (const [index, entry] of batch.entries.entries())
        this.#carryOut(batch.root, entry, join(folder, String(index)));
      rmSync(folder, { recursive: true });
      const gone = new Set(batch.unplaced);
      const placed = [...new Set([...this.#placed(batch.root), ...batch.placed])].filter((path) => !gone.has(path));
      writeFileSync(join(this.#state(batch.root), "manifest"), JSON.stringify(placed));
      this.#mark(batch.root, batch.snapshot, batch.tree);
      return { snapshot: batch.snapshot, tree: batch.tree, count: batch.entries.length };
    }, options.signal);
  }

  #carryOut(root: RootSpec, entry: Batch["entries"][number], staged: string): void {
    const path = join(root.path, entry.path);
    if (!this.#isReached(root, entry.path)) return;
    const there = lstatSync(path, { throwIfNoEntry: false });
    if (entry.op === "delete") {
      if (there === undefined) return;
      if (!there.isDirectory()) unlinkSync(path);
      else if (entry.type === "directory" && readdirSync(path).length === 0) rmdirSync(path);
    } else if (entry.op === "chmod") chmodSync(path, entry.mode);
    else if (entry.op === "file") {
      if (there?.isDirectory() === true) rmdirSync(path);
      if (this.#flaw !== "forgets modes") chmodSync(staged, entry.mode);
      if (this.#flaw === "keeps the old modification time" && there !== undefined) {
        utimesSync(staged, there.mtime, there.mtime);
      } else if (there?.isFile() === true) {
        const time = Math.max(Date.now() / 1000, there.mtimeMs / 1000 + 1.001);
        utimesSync(staged, time, time);
      }
      if (this.#flaw === "writes in place" && there?.isFile() === true) {
        writeFileSync(path, readFileSync(staged).subarray(0, 10));
        const whole = readFileSync(staged);
        setTimeout(() => existsSync(path) && writeFileSync(path, whole), 20);
      } else renameSync(staged, path);
    } else {
      if (there !== undefined && !(entry.op === "directory" && there.isDirectory())) unlinkSync(path);
      if (entry.op === "link") symlinkSync(entry.target, path);
      else {
        mkdirSync(path, { recursive: true });
        chmodSync(path, entry.mode);
      }
    }
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
    const [program = "", ...args] = typeof command === "string" ? ["sh", "-c", command] : command;
    const child = spawn(program, args, { detached: true, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let why: RunResult["why"] = "exited";
    const stop = (reason: "timeout" | "aborted"): void => {
      why = reason;
      const runs = child.exitCode === null && child.signalCode === null;
      if (child.pid !== undefined && runs) process.kill(-child.pid, "SIGKILL");
    };
    const timer = setTimeout(() => stop("timeout"), options.timeout);
    options.signal.addEventListener("abort", () => stop("aborted"), { once: true });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (data: Buffer) => {
        output += data.toString();
        options.onOutput?.(data.toString());
      });
    }
    return new Promise((resolve) => {
      child.on("close", (code) => {
        clearTimeout(timer);
        resolve({
          exitCode: why === "exited" ? (code ?? undefined) : undefined,
          why,
          output,
          truncated: false,
          duration: 1,
        });
      });
    });
  }

  ping(): Promise<number> {
    return this.#inOrder(() => 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end({ why: "closed" });
  }
}

function walk(folder: string, prefix: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === ".kinsync") return [];
    const path = `${prefix}${entry.name}`;
    return entry.isDirectory() ? [path, ...walk(join(folder, entry.name), `${path}/`)] : [path];
  });
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
