import type { HostedSession, SessionEnd } from "../../contract/transport.ts";
import type { ResolvedMapping } from "../../mapping/mapping.ts";
import type { Ledger } from "../plan/ledger.ts";
import { entriesOf, shortList, type ShortList } from "./short-list.ts";
import { ShortMap } from "./short-map.ts";
import type { WorkerOptions } from "./worker-options.ts";

const NONE: readonly never[] = Object.freeze([]);

/** An open session and the ledger of each mapped root, by the id of the mapping. */
export interface Channel {
  /** Of the mappings that it is for: see `channelKey`. */
  readonly key: string;
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

/** Mappings by id, of a target that had one with a session of its own. */
interface Separate {
  readonly apart: Set<string>;
  /** Whose own session could not be opened. They share one from then on. */
  readonly together: Set<string>;
}

/** The sessions of one target: one for each transport, with its options, that its mappings name, and one for each mapping that is apart. */
export class Channels implements AsyncDisposable {
  readonly #worker: Pick<WorkerOptions, "open" | "listener">;
  readonly #owner: ChannelOwner;
  #channels: ShortList<Channel> = NONE;
  /** A pass and a command that need a channel at the same moment share the one that is being opened. `undefined`: none is. */
  #opening: Map<string, Promise<Channel>> | undefined;
  #separate: Separate | undefined;

  constructor(worker: Pick<WorkerOptions, "open" | "listener">, owner: ChannelOwner) {
    this.#worker = worker;
    this.#owner = owner;
  }

  get isOpen(): boolean {
    return entriesOf(this.#channels).length > 0;
  }

  /** True for a mapping with a session of its own. */
  isApart(mapping: ResolvedMapping): boolean {
    return this.#separate?.apart.has(mapping.id) === true;
  }

  /** Gives a mapping a session of its own from now on. What the shared session knows of its root is read anew by the own one. */
  setApart(mapping: ResolvedMapping): void {
    const { id } = mapping;
    if (this.isApart(mapping) || this.#separate?.together.has(id) === true) return;
    this.peek(mapping)?.ledgers.delete(id);
    this.#separate ??= { apart: new Set(), together: new Set() };
    this.#separate.apart.add(id);
  }

  #keyOf(mapping: ResolvedMapping): string {
    return this.isApart(mapping) ? `${channelKey(mapping)} ${mapping.id}` : channelKey(mapping);
  }

  /** The open session of a mapping. */
  peek(mapping: ResolvedMapping): Channel | undefined {
    return this.#find(this.#keyOf(mapping));
  }

  #find(key: string): Channel | undefined {
    return entriesOf(this.#channels).find((channel) => channel.key === key);
  }

  #drop(channel: Channel): void {
    this.#channels = shortList(entriesOf(this.#channels).filter((each) => each !== channel));
  }

  async get(mapping: ResolvedMapping): Promise<Channel> {
    const key = this.#keyOf(mapping);
    try {
      return await this.#get(key, mapping);
    } catch (error) {
      // A container may have no room for a second agent.
      if (!this.isApart(mapping) || this.#find(channelKey(mapping)) === undefined) throw error;
      this.#separate?.apart.delete(mapping.id);
      this.#separate?.together.add(mapping.id);
      return this.#get(channelKey(mapping), mapping);
    }
  }

  async #get(key: string, mapping: ResolvedMapping): Promise<Channel> {
    const open = this.#find(key);
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
    const session = await this.#worker.open(mapping, (each) => this.#keyOf(each) === key, this.#owner.signal);
    const channel: Channel = { key, session, ledgers: new ShortMap() };
    this.#channels = shortList([...entriesOf(this.#channels), channel]);
    void session.ended.then((end) => {
      this.#drop(channel);
      if (end.why !== "closed") this.#owner.onSessionEnd(end);
    });
    this.#worker.listener.onSession(session.facts);
    return channel;
  }

  /** Closes the session of a mapping. The next `get` opens another. */
  async closeOf(mapping: ResolvedMapping): Promise<void> {
    const channel = this.peek(mapping);
    if (channel === undefined) return;
    this.#drop(channel);
    await Promise.allSettled([channel.session[Symbol.asyncDispose]()]);
  }

  /** Closes every session. The next `get` opens another. */
  async close(): Promise<void> {
    const channels = entriesOf(this.#channels);
    this.#channels = NONE;
    await Promise.allSettled(channels.map((channel) => channel.session[Symbol.asyncDispose]()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    if (this.#opening !== undefined) await Promise.allSettled(this.#opening.values());
    // A session that was opening meanwhile.
    await this.close();
  }
}
