import { KinsyncError } from "../errors/error.ts";
import type { KeptContent } from "../local/kept/content-cache.ts";
import type { Content, ContentStore } from "../mapping/content-store.ts";

export interface KeptFilesOptions {
  readonly kept: KeptContent | undefined;
  /** Stores that may have the bytes, the likeliest first. */
  readonly stores: readonly ContentStore[];
  /** Local path, for messages. */
  readonly from: string;
  /** Newer local files are not released by themselves, so that waiting for them does not help. */
  readonly isHeld: () => boolean;
}

/** The bytes of a released snapshot: from the local files while they have them, otherwise from the copies. */
export function keptFiles(options: KeptFilesOptions): ContentStore {
  return {
    open: (content, signal) => chunksOf(options, content, signal),
    pathOf: (content) => options.stores[0]?.pathOf?.(content),
  };
}

async function* chunksOf(
  { kept, stores, from, isHeld }: KeptFilesOptions,
  content: Content,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const all = kept?.has(content) === true ? [kept, ...stores] : stores;
  let failure: unknown;
  for (const store of all) {
    let hasBegun = false;
    try {
      for await (const chunk of store.open(content, signal)) {
        hasBegun = true;
        yield chunk;
      }
      return;
    } catch (error) {
      signal.throwIfAborted();
      failure ??= error;
      // The reader has bytes of it: the next attempt begins anew, without this store where it has noticed that it lacks them.
      if (hasBegun) throw error;
    }
  }
  const isChanged = failure instanceof KinsyncError && failure.code === "KINSYNC_SOURCE_CHANGED";
  if (!isChanged || !isHeld()) throw failure;
  throw new KinsyncError(
    "KINSYNC_SNAPSHOT_LOST",
    `a file of ${from} changed on this machine, and no copy of it as it was released is left`,
    { cause: failure },
  );
}
