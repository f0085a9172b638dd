import type { HostedSession, SessionEnd } from "../../contract/transport.ts";
import type { ResolvedMapping } from "../../mapping/mapping.ts";
import type { Ledger } from "../plan/ledger.ts";
import { ShortMap } from "./short-map.ts";
import type { WorkerOptions } from "./worker-options.ts";

/** An open session and the ledger of each mapped root, by the id of the mapping. */
export interface Channel {
  readonly session: HostedSession;
  readonly ledgers: ShortMap<string, Ledger>;
}

/** The target whose sessions they are. */
export interface ChannelOwner {
  /** Aborts when the target ends. */
  readonly signal: AbortSignal;
  /** A session ended, and the target did not close it. */
  onSessionEnd(end: SessionEnd): void;
}

/** Equal for mappings that share a session: mappings with another transport or other options need one of their own. */
export function channelKey(mapping: ResolvedMapping): string {
  let key = channelKeys.get(mapping);
  if (key === undefined) {
    const { transport, transportOptions = {} } = mapping;
    channelKeys.set(mapping, (key = `${transport} ${JSON.stringify(transportOptions)}`));
  }
  return key;
}

/** One text for all targets of a mapping. */
const channelKeys = new WeakMap<ResolvedMapping, string>();

/** The sessions of one target, one for each transport, with its options, that its mappings name. */
export class Channels implements AsyncDisposable {
  readonly #worker: Pick<WorkerOptions, "open" | "listener">;
  readonly #owner: ChannelOwner;
  readonly #channels = new ShortMap<string, Channel>();
  /** A pass and a command that need a channel at the same moment share the one that is being opened. `undefined`: none is. */
  #opening: Map<string, Promise<Channel>> | undefined;

  constructor(worker: Pick<WorkerOptions, "open" | "listener">, owner: ChannelOwner) {
    this.#worker = worker;
    this.#owner = owner;
  }

  async get(mapping: ResolvedMapping): Promise<Channel> {
    const key = channelKey(mapping);
    const open = this.#channels.get(key);
    if (open !== undefined) return open;
    const opening = (this.#opening ??= new Map());
    let channel = opening.get(key);
    if (channel === undefined) {
      channel = this.#open(key, mapping).finally(() => {
        opening.delete(key);
        if (opening.size === 0 && this.#opening === opening) this.#opening = undefined;
      });
      opening.set(key, channel);
    }
    return channel;
  }

  async #open(key: string, mapping: ResolvedMapping): Promise<Channel> {
    const session = await this.#worker.open(mapping, this.#owner.signal);
    const channel: Channel = { session, ledgers: new ShortMap() };
    this.#channels.set(key, channel);
    void session.ended.then((end) => {
      if (this.#channels.get(key) === channel) this.#channels.delete(key);
      if (end.why !== "closed") this.#owner.onSessionEnd(end);
    });
    this.#worker.listener.onSession(session.facts);
    return channel;
  }

  /** Closes every session. The next `get` opens another. */
  async close(): Promise<void> {
    const channels = this.#channels.values();
    this.#channels.clear();
    await Promise.allSettled(channels.map((channel) => channel.session[Symbol.asyncDispose]()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    if (this.#opening !== undefined) await Promise.allSettled(this.#opening.values());
    // A session that was opening meanwhile.
    await this.close();
  }
}
