import { createHash } from "node:crypto";
import { pack } from "tar-stream";
import type { Archive, Batch, BatchEntry, RootSpec } from "../../contract/transport.ts";

/** One path that a hand-made batch is to bring about. */
export type WantedPath =
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

export interface HandMadeOptions {
  /** Default: `1`. */
  readonly snapshot?: number;
  /** Digest of the tree afterwards. Default: one over the entries. */
  readonly tree?: string;
}

/** A batch with its archive from paths and bytes in memory: for tests of transports, and for scripts that send a few files. */
export async function handMadeBatch(
  root: RootSpec,
  wanted: readonly WantedPath[],
  options: HandMadeOptions = {},
): Promise<Batch> {
  const entries: BatchEntry[] = [];
  const members: Member[] = [];
  const placed: string[] = [];
  const unplaced: string[] = [];
  for (const want of wanted) {
    const entry = entryOf(want);
    entries.push(entry);
    if (entry.op === "delete") unplaced.push(entry.path);
    else if (entry.op !== "chmod") {
      placed.push(entry.path);
      members.push(memberOf(entry, "bytes" in want ? Buffer.from(want.bytes) : Buffer.alloc(0)));
    }
  }
  const { snapshot = 1, tree = sha256(Buffer.from(JSON.stringify(entries))) } = options;
  return { root, snapshot, tree, entries, placed, unplaced, archive: await archiveOf(members) };
}

function entryOf(want: WantedPath): BatchEntry {
  if ("file" in want) {
    const { file: path, mode = 0o644, replaces } = want;
    const bytes = Buffer.from(want.bytes);
    const entry = { op: "file", path, mode, size: bytes.length, digest: sha256(bytes) } as const;
    return replaces === undefined ? entry : { ...entry, replaces };
  }
  if ("directory" in want) {
    const { directory: path, mode = 0o755, replaces } = want;
    return replaces === undefined ? { op: "directory", path, mode } : { op: "directory", path, mode, replaces };
  }
  if ("link" in want) {
    const { link: path, target, replaces } = want;
    return replaces === undefined ? { op: "link", path, target } : { op: "link", path, target, replaces };
  }
  if ("chmod" in want) return { op: "chmod", path: want.chmod, mode: want.mode };
  return { op: "delete", path: want.remove, type: want.type ?? "file" };
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
  for (const { header, bytes } of members) tar.entry(header, bytes);
  tar.finalize();
  const parts: Buffer[] = [];
  for await (const part of tar as AsyncIterable<Buffer>) parts.push(part);
  const bytes = Buffer.concat(parts);
  return {
    size: bytes.length,
    async *chunks(signal) {
      for (let at = 0; at < bytes.length; at += CHUNK) {
        signal.throwIfAborted();
        yield bytes.subarray(at, at + CHUNK);
      }
    },
  };
}

const CHUNK = 64 * 1024;

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
