import { isDeepStrictEqual } from "node:util";
import type { KindPlugin, RootType } from "../contract/kind.ts";
import { KinsyncError } from "../errors/error.ts";

/** What is known of a kind before its code is imported. */
export interface LazyKindDefinition {
  readonly name: string;
  readonly root: RootType;
  /** Imports the code. Called at most once. */
  readonly load: () => Promise<KindPlugin>;
}

/** A kind whose code is imported when a workload needs it. */
export interface LazyKind {
  readonly type: "lazy-kind";
  readonly name: string;
  readonly root: RootType;
  /** `undefined` until `load` has succeeded. */
  readonly loaded: KindPlugin | undefined;
  /**
   * Imports the code, once. Rejects with `KINSYNC_PLUGIN_FAILED` if the import fails, and with `KINSYNC_PLUGIN_SHAPE` or
   * `KINSYNC_PLUGIN_CONTRACT` if the import gives another kind.
   */
  load(): Promise<KindPlugin>;
}

/** A kind, or the promise of one: what a list of kinds contains. */
export type KindEntry = KindPlugin | LazyKind;

export function lazyKind({ name, root, load }: LazyKindDefinition): LazyKind {
  let loaded: KindPlugin | undefined;
  let loading: Promise<KindPlugin> | undefined;
  async function loadOnce(): Promise<KindPlugin> {
    const who = `${name} (built in)`;
    // Not at the top: a list of lazy kinds must cost next to nothing.
    const [{ checkKind }, { pluginError }] = await Promise.all([import("./shape.ts"), import("./host-error.ts")]);
    let kind: KindPlugin;
    try {
      kind = checkKind(await load(), who);
    } catch (error) {
      throw pluginError(name, "load", error);
    }
    if (kind.name !== name || !isDeepStrictEqual(kind.root, root)) {
      throw new KinsyncError("KINSYNC_PLUGIN_SHAPE", `${who} cannot be used: its package has another name or root`, {
        hint: "Its package and kinsync are of different versions. Install kinsync again.",
        plugin: name,
        details: { expected: root, found: kind.root },
      });
    }
    loaded = kind;
    return kind;
  }
  return {
    type: "lazy-kind",
    name,
    root,
    get loaded() {
      return loaded;
    },
    load: () => (loading ??= loadOnce()),
  };
}

/** The kind, if its code is there. */
export function loadedKind(entry: KindEntry): KindPlugin | undefined {
  return entry.type === "kind" ? entry : entry.loaded;
}

/** The kind, whose code is imported where that has not happened yet. Rejects as `LazyKind.load`. */
export async function loadKind(entry: KindEntry): Promise<KindPlugin> {
  return entry.type === "kind" ? entry : await entry.load();
}
