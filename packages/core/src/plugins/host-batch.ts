import type { Batch, BatchEntry } from "../contract/batch.ts";
import type { TransportCapabilities } from "../contract/capabilities.ts";
import { wrapArchive } from "../contract/wrap-archive.ts";

type EntryCapability = "folders" | "links" | "modes" | "deletes";

const NEEDS = {
  file: undefined,
  directory: "folders",
  link: "links",
  chmod: "modes",
  delete: "deletes",
} as const satisfies Record<BatchEntry["op"], EntryCapability | undefined>;

const VERBS: Readonly<Record<EntryCapability, string>> = {
  folders: "create the folder",
  links: "create the link",
  modes: "change the mode of",
  deletes: "delete",
};

/** For each list of entries, the first path that needs a capability. Entries are shared by all targets of a batch. */
const needs = new WeakMap<readonly BatchEntry[], ReadonlyMap<EntryCapability, string>>();

/** What the batch needs and the transport does not claim, as the end of "cannot …"; `undefined` where it can do everything. */
export function unsupportedInBatch(batch: Batch, capabilities: TransportCapabilities): string | undefined {
  let known = needs.get(batch.entries);
  if (known === undefined) needs.set(batch.entries, (known = needsOf(batch.entries)));
  for (const [capability, path] of known) if (!capabilities[capability]) return `${VERBS[capability]} ${path}`;
  if (batch.root.inPlace === true && !capabilities.inPlace) return `write into the existing file in ${batch.root.path}`;
  return undefined;
}

function needsOf(entries: readonly BatchEntry[]): ReadonlyMap<EntryCapability, string> {
  const found = new Map<EntryCapability, string>();
  for (const entry of entries) {
    const capability = NEEDS[entry.op];
    if (capability !== undefined && !found.has(capability)) found.set(capability, entry.path);
  }
  return found;
}

/**
 * A batch whose archive records why a read of it failed. A local file that changed or cannot be read is the cause of everything that
 * the transport then reports about the batch.
 */
export class WatchedBatch {
  readonly batch: Batch;
  /** The first error that the archive threw, other than for an abort. */
  failure: { readonly error: unknown } | undefined;

  constructor(batch: Batch) {
    const { archive } = batch;
    const onError = (error: unknown): void => {
      this.failure ??= { error };
    };
    this.batch = {
      ...batch,
      archive: wrapArchive(archive, async function* watched(parts, _bytes, signal) {
        try {
          yield* parts;
        } catch (error) {
          if (!signal.aborted) onError(error);
          throw error;
        }
      }),
    };
  }
}
