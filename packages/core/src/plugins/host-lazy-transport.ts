import type { TransportPlugin } from "../contract/transport.ts";
import { KinsyncError } from "../errors/error.ts";

/** What is known of a transport before its code is imported. */
export interface LazyTransportDefinition {
  readonly name: string;
  /** Imports the code. Called at most once. */
  readonly load: () => Promise<TransportPlugin>;
}

/** A transport whose code is imported when a mapping names it. */
export interface LazyTransport {
  readonly type: "lazy-transport";
  readonly name: string;
  /** `undefined` until `load` has succeeded. */
  readonly loaded: TransportPlugin | undefined;
  /**
   * Imports the code, once. Rejects with `KINSYNC_PLUGIN_FAILED` if the import fails, and with `KINSYNC_PLUGIN_SHAPE` or
   * `KINSYNC_PLUGIN_CONTRACT` if the import gives another transport.
   */
  load(): Promise<TransportPlugin>;
}

/** A transport, or the promise of one: what a list of transports contains. */
export type TransportEntry = TransportPlugin | LazyTransport;

export function lazyTransport({ name, load }: LazyTransportDefinition): LazyTransport {
  let loaded: TransportPlugin | undefined;
  let loading: Promise<TransportPlugin> | undefined;
  async function loadOnce(): Promise<TransportPlugin> {
    const who = `${name} (built in)`;
    // Not at the top: a lazy transport must cost next to nothing.
    const [{ checkTransport }, { pluginError }] = await Promise.all([import("./shape.ts"), import("./host-error.ts")]);
    let transport: TransportPlugin;
    try {
      transport = checkTransport(await load(), who);
    } catch (error) {
      throw pluginError(name, "load", error);
    }
    if (transport.name !== name) {
      throw new KinsyncError("KINSYNC_PLUGIN_SHAPE", `${who} cannot be used: its package names it ${transport.name}`, {
        hint: "Its package and kinsync are of different versions. Install kinsync again.",
        plugin: name,
      });
    }
    loaded = transport;
    return transport;
  }
  return {
    type: "lazy-transport",
    name,
    get loaded() {
      return loaded;
    },
    load: () => (loading ??= loadOnce()),
  };
}

/** The transport, whose code is imported where that has not happened yet. Rejects as `LazyTransport.load`. */
export async function loadTransport(entry: TransportEntry): Promise<TransportPlugin> {
  return entry.type === "transport" ? entry : await entry.load();
}

/** Those whose code is there. */
export function loadedTransports(entries: readonly TransportEntry[]): readonly TransportPlugin[] {
  return entries.flatMap((entry) => (entry.type === "transport" ? entry : (entry.loaded ?? [])));
}
