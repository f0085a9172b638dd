import type { Target } from "../contract/target.ts";
import type {
  Archive,
  Inventory,
  OpenContext,
  Receipt,
  Session,
  SessionEnd,
  SessionFacts,
  Stage,
  TransportPlugin,
} from "../contract/transport.ts";
import { isSourceError, KinsyncError } from "../errors/error.ts";
import { answer, describe, isRecord, isText, pluginError } from "./host-error.ts";

/** Milliseconds until a transport's function counts as hung. Far above a transport's own limits: this only names the plugin. */
export interface TransportLimits {
  /** `open`, `claim`, `discard`, `ping`, and closing. Default: 60,000. */
  readonly answer?: number;
  /** `inventory`: digests of everything that is there. Default: 300,000. */
  readonly inventory?: number;
  /** What stage and commit get beside the time for the bytes. Default: 120,000. */
  readonly batch?: number;
  /** Slowest link that counts as alive, in bytes per second. Default: 16,384. */
  readonly slowest?: number;
}

/** A transport whose calls name plugin and function when they fail or hang, and whose answers are checked. */
export interface HostedTransport {
  readonly name: string;
  /** As the plugin's; a session that comes after the time limit is closed. */
  open(target: Target, context: OpenContext): Promise<Session>;
}

/** The one way to call a transport and the sessions that it opens. */
export function hostTransport(transport: TransportPlugin, limits: TransportLimits = {}): HostedTransport {
  const { name } = transport;
  return {
    name,
    async open(target, context) {
      const limit = limits.answer ?? 60_000;
      const session = await guard(
        name,
        "open",
        limit,
        context.signal,
        () => transport.open(target, context),
        closeLate,
      );
      return new HostedSession(name, checkedSession(name, session), limits);
    },
  };
}

const METHODS = ["inventory", "claim", "stage", "commit", "discard", "run", "ping"] as const;

class HostedSession implements Session {
  readonly facts: SessionFacts;
  readonly ended: Promise<SessionEnd>;
  readonly #plugin: string;
  readonly #session: Session;
  readonly #limits: Required<TransportLimits>;
  readonly #stages = new WeakMap<Stage, { readonly stage: Stage; readonly archive: ObservedArchive }>();
  /** Bytes of batches that are on their way: they are carried in order, so each waits for those before it. */
  #onTheWay = 0;

  constructor(plugin: string, session: Session, limits: TransportLimits) {
    this.#plugin = plugin;
    this.#session = session;
    this.#limits = {
      answer: limits.answer ?? 60_000,
      inventory: limits.inventory ?? 300_000,
      batch: limits.batch ?? 120_000,
      slowest: limits.slowest ?? 16_384,
    };
    this.facts = session.facts;
    this.ended = Promise.resolve(session.ended).catch((error: unknown) => ({
      why: "lost" as const,
      error: pluginError(plugin, "ended", error),
    }));
  }

  async inventory(...[root, options]: Parameters<Session["inventory"]>): Promise<Inventory> {
    const limit = this.#limits.inventory;
    return this.#guard("inventory", limit, options.signal, async () =>
      checkedInventory(await this.#session.inventory(root, options)),
    );
  }

  claim(...[root, options]: Parameters<Session["claim"]>): Promise<void> {
    return this.#guard("claim", this.#limits.answer, options.signal, () => this.#session.claim(root, options));
  }

  stage(...[batch, options]: Parameters<Session["stage"]>): Stage {
    const archive = new ObservedArchive(batch.archive);
    const { size } = archive;
    let inner: Stage;
    try {
      inner = this.#session.stage({ ...batch, archive }, options);
      if (!isRecord(inner) || !isThenable(inner.ready)) {
        throw answer(`gave ${describe(inner)} instead of { ready: promise }`);
      }
    } catch (error) {
      throw pluginError(this.#plugin, "stage", error);
    }
    this.#onTheWay += size;
    const ready = this.#guard("stage", this.#batchLimit(), options.signal, () =>
      archive.withOwnFailure(inner.ready),
    ).finally(() => {
      this.#onTheWay -= size;
    });
    // Whoever only commits need not look at it: commit rejects with the same failure.
    ready.catch(() => undefined);
    const stage: Stage = { ready };
    this.#stages.set(stage, { stage: inner, archive });
    return stage;
  }

  async commit(...[stage, options]: Parameters<Session["commit"]>): Promise<Receipt> {
    const { stage: inner, archive } = this.#innerOf(stage);
    return this.#guard("commit", this.#batchLimit(), options.signal, () =>
      archive.withOwnFailure((async () => checkedReceipt(await this.#session.commit(inner, options)))()),
    );
  }

  async discard(stage: Stage): Promise<void> {
    const { stage: inner } = this.#innerOf(stage);
    await this.#guard("discard", this.#limits.answer, undefined, () => this.#session.discard(inner));
  }

  run(...[command, options]: Parameters<Session["run"]>): ReturnType<Session["run"]> {
    const limit = options.timeout + this.#limits.answer;
    return this.#guard("run", limit, options.signal, () => this.#session.run(command, options));
  }

  ping(...[options]: Parameters<Session["ping"]>): Promise<number> {
    return this.#guard("ping", this.#limits.answer, options.signal, () => this.#session.ping(options));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#guard("close", this.#limits.answer, undefined, async () => this.#session[Symbol.asyncDispose]());
  }

  #innerOf(stage: Stage): { readonly stage: Stage; readonly archive: ObservedArchive } {
    const known = this.#stages.get(stage);
    if (known === undefined) throw new KinsyncError("KINSYNC_INTERNAL", "a stage was handed to another session");
    return known;
  }

  #batchLimit(): number {
    return this.#limits.batch + (this.#onTheWay / this.#limits.slowest) * 1000;
  }

  #guard<T>(operation: string, limit: number, signal: AbortSignal | undefined, run: () => Promise<T>): Promise<T> {
    return guard(this.#plugin, operation, limit, signal, run);
  }
}

/**
 * An archive as a transport reads it. If local files or the local disk fail it, that is the reason for whatever the transport
 * throws then: a transport may wrap the error in one of its own.
 */
class ObservedArchive implements Archive {
  readonly size: number;
  readonly #archive: Archive;
  #failure: unknown;

  constructor(archive: Archive) {
    this.size = archive.size;
    this.#archive = archive;
  }

  async *chunks(signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* this.#archive.chunks(signal);
    } catch (error) {
      if (isSourceError(error)) this.#failure = error;
      throw error;
    }
  }

  /** The result of `work`; if the archive failed, that failure instead of the work's own. */
  async withOwnFailure<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw this.#failure ?? error;
    }
  }
}

/** Runs a plugin's function; it settles in time, and its failure says whose it is. An abort stays what it is. */
async function guard<T>(
  plugin: string,
  operation: string,
  limit: number,
  signal: AbortSignal | undefined,
  run: () => Promise<T>,
  late?: (value: T) => void,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let over = false;
  const work = (async () => run())();
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      over = true;
      const seconds = Math.round(limit / 1000);
      const message = `plugin ${plugin} did not come back from ${operation} within ${seconds} s`;
      reject(new KinsyncError("KINSYNC_PLUGIN_FAILED", message, { retry: "retry", plugin, operation }));
    }, limit);
  });
  work.then(
    (value) => {
      if (over) late?.(value);
    },
    () => undefined,
  );
  try {
    return await Promise.race([work, timeout]);
  } catch (error) {
    if (signal?.aborted === true && (error === signal.reason || isAbort(error))) throw error;
    throw pluginError(plugin, operation, error);
  } finally {
    clearTimeout(timer);
  }
}

function closeLate(session: Session): void {
  // Nobody waits for it any more; what it says at its end is of no use.
  void (async () => session[Symbol.asyncDispose]())().catch(() => undefined);
}

function checkedSession(plugin: string, session: Session): Session {
  try {
    if (!isRecord(session)) throw answer(`gave ${describe(session)} instead of a session`);
    for (const method of METHODS) {
      if (typeof session[method] !== "function") throw answer(`gave a session without ${method}()`);
    }
    if (typeof session[Symbol.asyncDispose] !== "function") throw answer("gave a session that cannot be closed");
    if (!isThenable(session.ended)) throw answer("gave a session without the promise `ended`");
    if (!isRecord(session.facts) || !isText(session.facts.incarnation) || typeof session.facts.agent !== "string") {
      throw answer("gave a session whose facts lack agent or incarnation");
    }
    return session;
  } catch (error) {
    throw pluginError(plugin, "open", error);
  }
}

function checkedInventory(inventory: Inventory): Inventory {
  if (!isRecord(inventory) || !Array.isArray(inventory.entries) || !Array.isArray(inventory.placed)) {
    throw answer(`gave ${describe(inventory)} instead of an inventory`);
  }
  if (inventory.root !== "directory" && inventory.root !== "missing" && inventory.root !== "other") {
    throw answer(`gave an inventory whose root is ${describe(inventory.root)}`);
  }
  return inventory;
}

function checkedReceipt(receipt: Receipt): Receipt {
  if (!isRecord(receipt) || !Number.isInteger(receipt.snapshot) || !Number.isInteger(receipt.count)) {
    throw answer(`gave ${describe(receipt)} instead of a receipt`);
  }
  // Empty where more batches follow: the contract of `Batch.tree`.
  if (typeof receipt.tree !== "string") throw answer("gave a receipt without the digest of the tree");
  return receipt;
}

function isThenable(value: unknown): boolean {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError");
}
