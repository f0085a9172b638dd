/** A mapped root: where in the container a mapping puts its files. */
export interface RootSpec {
  /**
   * POSIX path of the folder that entry paths are relative to. Absolute, or relative to the container's working directory.
   * For the mapping of a single file this is the file's parent folder, and `key` identifies the file.
   */
  readonly path: string;
  /** `directory`: a mapped folder; `file`: one mapped file, the only entry, in a folder that kinsync does not own. */
  readonly shape: "directory" | "file";
  /** Name of the mapped file in that folder, for the shape `file`: the only path that a batch of this root may name. */
  readonly fileName?: string;
  /** Name of this mapping's part of the state directory: safe as a file name, unique among the mappings of one container. */
  readonly key: string;
  /** Absolute path of the local file or folder that the files come from; the transport writes it into markers (`Marker.origin`). */
  readonly from?: string;
  /** Write into the existing file where a rename is impossible (a mount of a single file). Default: `false`. */
  readonly inPlace?: boolean;
}

/**
 * One step of a batch. Paths are POSIX, relative to the root, never contain `..` and have no trailing slash. Steps are applied in order as
 * far as it matters: deletes that come before the first file, folder or link make room for it, also for a name that differs from theirs
 * only by case or Unicode form, which is the same file on some file systems. The other deletes come after everything is in place.
 */
export type BatchEntry =
  /** A file. The archive holds its bytes under its path. `digest`: sha256, hex. `replaces`: the type of what exists at the path. */
  | {
      readonly op: "file";
      readonly path: string;
      readonly mode: number;
      readonly size: number;
      readonly digest: string;
      readonly replaces?: "file" | "link" | "directory";
    }
  /** A folder that does not exist yet (or that replaces a file or link). A folder comes before its content. */
  | { readonly op: "directory"; readonly path: string; readonly mode: number; readonly replaces?: "file" | "link" }
  | {
      readonly op: "link";
      readonly path: string;
      readonly target: string;
      readonly replaces?: "file" | "link" | "directory";
    }
  | { readonly op: "chmod"; readonly path: string; readonly mode: number }
  /** Deletes the path if it exists; a folder only if it is empty (a folder with content stays, without an error). Content comes before its folder. */
  | { readonly op: "delete"; readonly path: string; readonly type: "file" | "directory" };

/**
 * The bytes of a batch: a tar (ustar, pax where needed) of the `file`, `directory` and `link` entries in the order of the batch,
 * under their paths; owner 0, no user names, mtime 0. Equal batches have equal bytes.
 */
export interface Archive {
  /** Bytes of the whole tar including its end marker. */
  readonly size: number;
  /**
   * The tar in chunks of at most 64 KiB. Many sessions may read it at once; they share the chunks, so a reader never changes them.
   * Throws a `KinsyncError` with a code of area SOURCE when a local file cannot be read or changed; `stage` and `commit` reject with that error.
   */
  chunks(signal: AbortSignal): AsyncIterable<Uint8Array>;
  /**
   * The same tar in pieces that are compressed, for a link that is slower than compression. Each piece is compressed once for all readers.
   * Throws as `chunks`. Default: the bytes exist only as they are.
   * @param bytesPerSecond what the reader's link carries now, as far as it was measured. A piece that no reader receives sooner by
   *   compression stays as it is. Default: every piece is compressed that gzip makes smaller
   * @param encodings what the reader can decode besides gzip, which every reader can. The archive uses it where the pieces arrive sooner
   *   with it. Since contract 2.6. Default: nothing else
   */
  compressed?(
    signal: AbortSignal,
    bytesPerSecond?: LinkRate,
    encodings?: readonly PieceEncoding[],
  ): AsyncIterable<CompressedPiece>;
}

/** What a link carries in a second, in bytes; `undefined` while it was not measured. */
export type LinkRate = () => number | undefined;

/** How a piece is compressed: one gzip member (RFC 1952), or one brotli stream (RFC 7932), which for text is a fifth smaller. */
export type PieceEncoding = "gzip" | "brotli";

/** A piece of an archive of at most 1 MiB. It can be decompressed without the pieces before it. Readers share it and never change it. */
export interface CompressedPiece {
  /** Bytes of the tar in this piece. */
  readonly size: number;
  /** The compressed bytes, or the bytes themselves where compression does not make them smaller. */
  readonly bytes: Uint8Array;
  /** `bytes` are a gzip member. */
  readonly isGzip: boolean;
  /** What `bytes` are, where they are compressed: only what the reader named can occur. Since contract 2.6. Default: `gzip` if `isGzip`. */
  readonly encoding?: PieceEncoding;
  /** Number of entries in the archive that are complete at the end of this piece. */
  readonly entries: number;
}

/** The difference between what one mapped root of a target holds and what it should hold. */
export interface Batch {
  /** Where it goes. */
  readonly root: RootSpec;
  /** Number of the snapshot that it brings the root to. */
  readonly snapshot: number;
  /** Digest of the tree that the root holds when this batch is committed; empty while more batches must follow. */
  readonly tree: string;
  /** The steps. */
  readonly entries: readonly BatchEntry[];
  /** Paths to add to the manifest. */
  readonly placed: readonly string[];
  /** Paths to remove from the manifest. */
  readonly unplaced: readonly string[];
  /**
   * Paths that changed, and after which a command of `run` has not succeeded yet, relative to the mapping's `from`. The commit writes
   * them into the marker, so that the next run, on any machine, runs these commands again. Default: none.
   */
  readonly owed?: readonly string[];
  /** The bytes of the entries. */
  readonly archive: Archive;
  /**
   * True for large files that take long: kinsync stages and commits other batches, also of the same root, before it commits this one.
   * A transport with the capability `overtaking` transfers those first. Since contract 2.4. Default: `false`.
   */
  readonly background?: boolean;
}
