import type { TransportCapabilities } from "../contract/capabilities.ts";
import type { Inventory } from "../contract/inventory.ts";
import type { HostedSession, Receipt, Session, SessionEnd, SessionFacts, Stage } from "../contract/session.ts";
import { KinsyncError } from "../errors/error.ts";
import { unsupportedInBatch, WatchedBatch } from "./host-batch.ts";
import { answer, describe, isRecord, isText, pluginError } from "./host-error.ts";
import { guard, type GuardOptions } from "./host-guard.ts";
import { checkedInventory, isNote } from "./session-answers.ts";

/** Milliseconds until a transport's function counts as hung. Far above a transport's own limits, which report the actual cause. */
export interface TransportLimits {
  /** `open`, `claim`, `discard`, `release`, `ping`, and closing. Default: 60,000. */
  readonly answerMs?: number;
  /** `inventory`: digests of everything that exists. Default: 300,000. */
  readonly inventoryMs?: number;
  /** Time for stage and commit in addition to the time for the bytes. Default: 120,000. */
  readonly batchMs?: number;
  /** Slowest link that counts as alive, in bytes per second. Default: 16,384. */
  readonly slowestBytesPerSecond?: number;
  /** From a commit that was accepted until its files are visible. Default: 300,000; a kubelet refreshes a ConfigMap within 90 s. */
  readonly seenMs?: number;
}

/**
 * Every member of a session, and what the host requires of it. The compiler refuses this table when `Session` gains a member that is
 * missing here, and `GuardedSession` when it does not implement that member.
 */
export const SESSION_MEMBERS = {
  facts: "value",
  ended: "value",
  inventory: "required",
  claim: "required",
  stage: "required",
  commit: "required",
  seen: "optional",
  discard: "optional",
  release: "optional",
  run: "optional",
  pull: "optional",
  ping: "optional",
  [Symbol.asyncDispose]: "required",
} as const satisfies Record<keyof Session, "value" | "required" | "optional">;

/** The limits with the defaults filled in. */
export function withDefaults(limits: TransportLimits): Required<TransportLimits> {
  return {
    answerMs: limits.answerMs ?? 60_000,
    inventoryMs: limits.inventoryMs ?? 300_000,
    batchMs: limits.batchMs ?? 120_000,
    slowestBytesPerSecond: limits.slowestBytesPerSecond ?? 16_384,
    seenMs: limits.seenMs ?? 300_000,
  };
}

/** What the sessions of one transport share. */
export interface SessionHost {
  readonly plugin: string;
  readonly capabilities: TransportCapabilities;
  readonly limits: Required<TransportLimits>;
  /** The end of a session whose `ended` rejects. */
  readonly endOf: (error: unknown) => SessionEnd;
}

/** A session whose calls name plugin and function when they fail or hang, and whose answers are checked. */
export class GuardedSession implements HostedSession {
  readonly facts: SessionFacts;
  readonly ended: Promise<SessionEnd>;
  readonly #session: Session;
  readonly #host: SessionHost;
  /** Bytes of batches in transfer. They are sent in order, so each waits for those before it. */
  #bytesInTransfer = 0;

  constructor(session: Session, host: SessionHost) {
    this.#session = session;
    this.#host = host;
    this.facts = session.facts;
    this.ended = Promise.resolve(session.ended).catch(host.endOf);
  }

  inventory(...[root, options]: Parameters<Session["inventory"]>): Promise<Inventory> {
    return this.#guard(
      { operation: "inventory", limitMs: this.#host.limits.inventoryMs, signal: options.signal },
      async () => checkedInventory(await this.#session.inventory(root, options)),
    );
  }

  claim(...[root, options]: Parameters<Session["claim"]>): Promise<void> {
    return this.#guard({ operation: "claim", limitMs: this.#host.limits.answerMs, signal: options.signal }, () =>
      this.#session.claim(root, options),
    );
  }

  stage(...[batch, options]: Parameters<Session["stage"]>): Stage {
    const { size } = batch.archive;
    const missing = unsupportedInBatch(batch, this.#host.capabilities);
    if (missing !== undefined) throw this.#cannot("stage", missing);
    const watched = new WatchedBatch(batch);
    let inner: Stage;
    try {
      inner = this.#session.stage(watched.batch, options);
      if (!isRecord(inner) || !isThenable(inner.ready)) {
        throw answer(`returned ${describe(inner)} instead of { ready: promise }`);
      }
    } catch (error) {
      throw pluginError(this.#host.plugin, "stage", error);
    }
    this.#bytesInTransfer += size;
    const limit = { operation: "stage", limitMs: this.#batchLimitMs(), signal: options.signal };
    const ready = this.#guard({ ...limit, causeOf: () => watched.failure }, () => inner.ready).finally(() => {
      this.#bytesInTransfer -= size;
    });
    // A caller that only commits does not await it: commit rejects with the same failure.
    ready.catch(() => undefined);
    return new GuardedStage(this, ready, inner, watched);
  }

  async commit(...[stage, options]: Parameters<Session["commit"]>): Promise<Receipt> {
    const { inner, watched } = this.#ownStage(stage);
    const limit = { operation: "commit", limitMs: this.#batchLimitMs(), signal: options.signal };
    return this.#guard({ ...limit, causeOf: () => watched.failure }, async () =>
      this.#checkedReceipt(await this.#session.commit(inner, options)),
    );
  }

  async seen(...[root, options]: Parameters<HostedSession["seen"]>): Promise<boolean> {
    const seen = this.#session.seen?.bind(this.#session);
    if (seen === undefined) throw this.#cannot("seen", "report when files are visible that another container wrote");
    const limitMs = this.#host.limits.seenMs;
    const isSeen = await this.#guard({ operation: "seen", limitMs, signal: options.signal }, () =>
      Promise.race([seen(root, options), this.#endBeforeSeen()]),
    );
    if (typeof isSeen !== "boolean") throw answer(`returned ${describe(isSeen)} instead of true or false`);
    return isSeen;
  }

  /** Does nothing where the transport has no `discard`. */
  async discard(stage: Stage): Promise<void> {
    const { inner } = this.#ownStage(stage);
    await this.#guard({ operation: "discard", limitMs: this.#host.limits.answerMs }, async () =>
      this.#session.discard?.(inner),
    );
  }

  async release(...[root, options]: Parameters<HostedSession["release"]>): Promise<void> {
    const release = this.#session.release?.bind(this.#session);
    if (release === undefined) throw this.#cannot("release", "remove its state from a container");
    await this.#guard({ operation: "release", limitMs: this.#host.limits.answerMs, signal: options.signal }, () =>
      release(root, options),
    );
  }

  async run(...[command, options]: Parameters<HostedSession["run"]>): ReturnType<HostedSession["run"]> {
    const session = this.#session;
    const run = this.#host.capabilities.run ? session.run?.bind(session) : undefined;
    if (run === undefined) throw this.#cannot("run", "run commands");
    const limitMs = options.timeout + this.#host.limits.answerMs;
    return this.#guard({ operation: "run", limitMs, signal: options.signal }, () => run(command, options));
  }

  async pull(...[path, options]: Parameters<HostedSession["pull"]>): Promise<void> {
    const session = this.#session;
    const pull = this.#host.capabilities.pull ? session.pull?.bind(session) : undefined;
    if (pull === undefined) throw this.#cannot("pull", "read files from a container");
    // Only `kinsync pull` needs it.
    const { hostPull } = await import("./host-pull.ts");
    return hostPull({ plugin: this.#host.plugin, limitMs: this.#host.limits.inventoryMs, pull }, path, options);
  }

  async ping(...[options]: Parameters<HostedSession["ping"]>): Promise<number> {
    const ping = this.#session.ping?.bind(this.#session);
    if (ping === undefined) throw this.#cannot("ping", "answer a ping");
    return this.#guard({ operation: "ping", limitMs: this.#host.limits.answerMs, signal: options.signal }, () =>
      ping(options),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#guard({ operation: "close", limitMs: this.#host.limits.answerMs }, async () =>
      this.#session[Symbol.asyncDispose](),
    );
  }

  #ownStage(stage: Stage): GuardedStage {
    if (stage instanceof GuardedStage && stage.session === this) return stage;
    throw new KinsyncError("KINSYNC_INTERNAL", "a stage was given to another session");
  }

  #batchLimitMs(): number {
    return this.#host.limits.batchMs + (this.#bytesInTransfer / this.#host.limits.slowestBytesPerSecond) * 1000;
  }

  #cannot(operation: string, what: string): KinsyncError {
    return new KinsyncError("KINSYNC_TRANSPORT_CANNOT", `the transport ${this.#host.plugin} cannot ${what}`, {
      plugin: this.#host.plugin,
      operation,
    });
  }

  #guard<T>(options: Omit<GuardOptions<T>, "plugin">, run: () => Promise<T>): Promise<T> {
    return guard({ ...options, plugin: this.#host.plugin }, run);
  }

  #checkedReceipt(receipt: Receipt): Receipt {
    if (!isRecord(receipt) || !Number.isInteger(receipt.snapshot) || !Number.isInteger(receipt.count)) {
      throw answer(`returned ${describe(receipt)} instead of a receipt`);
    }
    // Empty where more batches follow: see `Batch.tree`.
    if (typeof receipt.tree !== "string") throw answer("returned a receipt without the digest of the tree");
    const { seen, notes = [] } = receipt;
    if (!Array.isArray(notes) || !notes.every((note) => isNote(note))) {
      throw answer("returned a receipt whose `notes` are not a list of { code, message }");
    }
    if (seen === undefined) return receipt;
    if (!isThenable(seen)) throw answer(`returned a receipt whose \`seen\` is ${describe(seen)} instead of a promise`);
    if (this.#host.capabilities.acknowledges === "seen") {
      void Promise.resolve(seen).catch(() => undefined);
      throw answer("returned a receipt with `seen`, but the transport acknowledges what is seen already");
    }
    return { ...receipt, seen: this.#guardSeen(seen) };
  }

  /** Settles within the time limit, and when the session ends. A caller may ignore it. */
  #guardSeen(seen: Promise<void>): Promise<void> {
    const guarded = this.#guard({ operation: "seen", limitMs: this.#host.limits.seenMs }, () =>
      Promise.race([seen, this.#endBeforeSeen()]),
    );
    guarded.catch(() => undefined);
    return guarded;
  }

  /** Rejects when the session ends. */
  #endBeforeSeen(): Promise<never> {
    const end = this.ended.then(({ error }): never => {
      const message = `the session of the transport ${this.#host.plugin} ended before the files were visible in the container`;
      throw new KinsyncError("KINSYNC_TARGET_LOST", message, { cause: error });
    });
    end.catch(() => undefined);
    return end;
  }
}

/** A stage of a guarded session, with the plugin's own stage. */
class GuardedStage implements Stage {
  readonly session: GuardedSession;
  readonly ready: Promise<void>;
  readonly inner: Stage;
  readonly watched: WatchedBatch;

  constructor(session: GuardedSession, ready: Promise<void>, inner: Stage, watched: WatchedBatch) {
    this.session = session;
    this.ready = ready;
    this.inner = inner;
    this.watched = watched;
  }
}

/** Checks what `open` returned against the table and the claimed capabilities. Throws `KINSYNC_PLUGIN_FAILED`. */
export function checkedSession(plugin: string, session: Session, capabilities: TransportCapabilities): Session {
  try {
    if (!isRecord(session)) throw answer(`returned ${describe(session)} instead of a session`);
    for (const member of Reflect.ownKeys(SESSION_MEMBERS) as (keyof typeof SESSION_MEMBERS)[]) {
      const rule = SESSION_MEMBERS[member];
      const value: unknown = session[member];
      if (rule === "value" || (rule === "optional" && value === undefined)) continue;
      if (typeof value !== "function") throw answer(`returned a session without ${nameOf(member)}`);
    }
    if (capabilities.run && session.run === undefined) {
      throw answer("returned a session without run(), although the transport claims the capability `run`");
    }
    if (capabilities.pull && session.pull === undefined) {
      throw answer("returned a session without pull(), although the transport claims the capability `pull`");
    }
    if (!isThenable(session.ended)) throw answer("returned a session without the promise `ended`");
    if (!isRecord(session.facts) || !isText(session.facts.incarnation) || typeof session.facts.agent !== "string") {
      throw answer("returned a session whose facts lack agent or incarnation");
    }
    return session;
  } catch (error) {
    throw pluginError(plugin, "open", error);
  }
}

function nameOf(member: string | symbol): string {
  return typeof member === "symbol" ? `[${member.description}]()` : `${member}()`;
}

function isThenable(value: unknown): value is PromiseLike<void> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
