import { createHash } from "node:crypto";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { pack, type Pack } from "tar-stream";
import type { Archive, Batch, BatchEntry, RootSpec } from "../../contract/batch.ts";
import { TarCursor } from "../../contract/tar-cursor.ts";

/** One path that a batch creates, changes or deletes. */
export type BatchPath =
  | {
      readonly file: string;
      readonly bytes: string | Uint8Array;
      /** Default: `0o644`. */
      readonly mode?: number;
      readonly replaces?: "file" | "link" | "directory";
    }
  | {
      readonly directory: string;
      /** Default: `0o755`. */
      readonly mode?: number;
      readonly replaces?: "file" | "link";
    }
  | { readonly link: string; readonly target: string; readonly replaces?: "file" | "link" | "directory" }
  | { readonly chmod: string; readonly mode: number }
  | { readonly remove: string; readonly type?: "file" | "directory" };

export interface CreateBatchOptions {
  /** Default: `1`. */
  readonly snapshot?: number;
  /** Digest of the tree that the root then holds. Default: a digest over the entries. */
  readonly tree?: string;
  /** Default: nothing is owed. */
  readonly owed?: readonly string[];
}

/** A batch with its archive, from paths and bytes in memory: for tests of transports, and for scripts that send a few files. */
export async function createBatch(
  root: RootSpec,
  paths: readonly BatchPath[],
  options: CreateBatchOptions = {},
): Promise<Batch> {
  const entries: BatchEntry[] = [];
  const members: Member[] = [];
  const placed: string[] = [];
  const unplaced: string[] = [];
  for (const each of paths) {
    const entry = entryOf(each);
    entries.push(entry);
    if (entry.op === "delete") unplaced.push(entry.path);
    else if (entry.op !== "chmod") {
      placed.push(entry.path);
      members.push(memberOf(entry, "bytes" in each ? Buffer.from(each.bytes) : Buffer.alloc(0)));
    }
  }
  const { snapshot = 1, tree = sha256(Buffer.from(JSON.stringify(entries))) } = options;
  const { owed } = options;
  const archive = await archiveOf(members);
  return { root, snapshot, tree, entries, placed, unplaced, ...(owed === undefined ? {} : { owed }), archive };
}

function entryOf(each: BatchPath): BatchEntry {
  if ("file" in each) {
    const { file: path, mode = 0o644, replaces } = each;
    const bytes = Buffer.from(each.bytes);
    const entry = { op: "file", path, mode, size: bytes.length, digest: sha256(bytes) } as const;
    return replaces === undefined ? entry : { ...entry, replaces };
  }
  if ("directory" in each) {
    const { directory: path, mode = 0o755, replaces } = each;
    return replaces === undefined ? { op: "directory", path, mode } : { op: "directory", path, mode, replaces };
  }
  if ("link" in each) {
    const { link: path, target, replaces } = each;
    return replaces === undefined ? { op: "link", path, target } : { op: "link", path, target, replaces };
  }
  if ("chmod" in each) return { op: "chmod", path: each.chmod, mode: each.mode };
  return { op: "delete", path: each.remove, type: each.type ?? "file" };
}

interface MemberHeader {
  readonly name: string;
  readonly mode: number;
  readonly mtime: Date;
  readonly uid: number;
  readonly gid: number;
  readonly type: "file" | "directory" | "symlink";
  readonly linkname?: string;
}

interface Member {
  readonly header: MemberHeader;
  readonly bytes: Buffer;
}

function memberOf(entry: BatchEntry & { op: "file" | "directory" | "link" }, bytes: Buffer): Member {
  const common = { name: entry.path, mtime: new Date(0), uid: 0, gid: 0 };
  if (entry.op === "link")
    return { header: { ...common, type: "symlink", linkname: entry.target, mode: 0o777 }, bytes };
  return { header: { ...common, type: entry.op, mode: entry.mode }, bytes };
}

async function archiveOf(members: readonly Member[]): Promise<Archive> {
  const tar = pack();
  // One after the other: what waits in the tar takes time by the square of its number.
  const fed = feed(tar, members);
  fed.catch((error: unknown) => tar.destroy(error as Error));
  const parts: Buffer[] = [];
  for await (const part of tar as AsyncIterable<Buffer>) parts.push(part);
  const bytes = Buffer.concat(parts);
  return {
    size: bytes.length,
    async *chunks(signal) {
      for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
        signal.throwIfAborted();
        yield bytes.subarray(at, at + CHUNK_BYTES);
      }
    },
    async *compressed(signal, _bytesPerSecond, encodings = []) {
      const encoding = encodings.includes("brotli") ? "brotli" : "gzip";
      const cursor = new TarCursor();
      for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
        signal.throwIfAborted();
        const piece = bytes.subarray(at, at + PIECE_BYTES);
        cursor.push(piece);
        const packed = encoding === "brotli" ? brotliCompressSync(piece, { params: FAST }) : gzipSync(piece);
        yield { size: piece.length, bytes: packed, isGzip: encoding === "gzip", encoding, entries: cursor.whole };
      }
    },
  };
}

async function feed(tar: Pack, members: readonly Member[]): Promise<void> {
  for (const { header, bytes } of members) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    tar.entry(header, bytes, (error) => (error === undefined || error === null ? resolve() : reject(error)));
    await promise;
  }
  tar.finalize();
}

/** By default, brotli would need a minute for what gzip compresses in a second. */
const FAST = { [constants.BROTLI_PARAM_QUALITY]: 3 };
const CHUNK_BYTES = 64 * 1024;
const PIECE_BYTES = 1024 * 1024;

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
