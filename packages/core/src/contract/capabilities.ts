import type { PolicyRule } from "./status.ts";

/**
 * What a transport can do. A capability that a plugin does not list is not claimed: kinsync then refuses a mapping that needs it before
 * anything starts, and the conformance kit reports its requirements as not claimed. A later minor version of the contract may add
 * capabilities; each starts as not claimed.
 */
export interface TransportCapabilities {
  /** Folders below the mapped root. Default: `false`; a tree with a folder is then refused. */
  readonly folders: boolean;
  /** Symbolic links. Default: `false`; a tree with a link is then refused. */
  readonly links: boolean;
  /** Mode bits of files and folders, and `chmod`. Default: `false`; kinsync then neither compares nor changes modes. */
  readonly modes: boolean;
  /** Deletes what an earlier batch created. Default: `false`; a batch with a delete is then refused. */
  readonly deletes: boolean;
  /** `Session.run`. Default: `false`; a workload with `run` is then refused. */
  readonly run: boolean;
  /** `Session.pull`. Since contract 2.3. Default: `false`; `kinsync pull` is then refused. */
  readonly pull: boolean;
  /** Writes into an existing file instead of renaming over it (`RootSpec.inPlace`). Default: `false`; `inPlace: true` is then refused. */
  readonly inPlace: boolean;
  /** `inventory` with `list` reports paths that kinsync did not create. Default: `false`; `mirror: true` is then refused. */
  readonly mirror: boolean;
  /** Bytes that one mapped root may hold, all files together. Default: no limit; a larger tree is refused. */
  readonly maxBytes: number;
  /**
   * What a reader in the container sees while a batch is committed. `file`: each file is old or new, never half of one. `batch`: all
   * files of a batch change at one moment. `none`: no promise. Default: `none`.
   */
  readonly atomic: "none" | "file" | "batch";
  /**
   * What a receipt proves. `seen`: the files are visible in the container. `accepted`: they were handed over and become visible later;
   * `Receipt.seen` reports when, where the transport can tell. Default: `accepted`.
   */
  readonly acknowledges: "seen" | "accepted";
  /**
   * Which cluster objects the transport changes, by server-side apply (the verb `patch`); wildcards are refused. Default: none. A mapping
   * with such a transport is refused unless the config lists the transport in `writesApi`. `open` then gets a `writer`.
   */
  readonly writesApi: readonly PolicyRule[];
  /**
   * Two batches of one root may be staged at a time, and batches that are committed at once overtake one that is in the background
   * (`Batch.background`). Since contract 2.4. Default: `false`; large files then travel in one batch with all others.
   */
  readonly overtaking: boolean;
  /** Names that a file or folder may have. Since contract 2.2. Default: every name; a tree with another name is refused. */
  readonly names: RegExp | undefined;
}

/** The value of each capability that a plugin does not list. */
export const DEFAULT_CAPABILITIES: TransportCapabilities = Object.freeze({
  folders: false,
  links: false,
  modes: false,
  deletes: false,
  run: false,
  pull: false,
  inPlace: false,
  mirror: false,
  maxBytes: Number.POSITIVE_INFINITY,
  atomic: "none",
  acknowledges: "accepted",
  writesApi: [],
  overtaking: false,
  names: undefined,
});

/** All capabilities of a transport: those that it lists, and the defaults for the others. */
export function capabilitiesOf(transport: {
  readonly capabilities?: Partial<TransportCapabilities>;
}): TransportCapabilities {
  return { ...DEFAULT_CAPABILITIES, ...transport.capabilities };
}
