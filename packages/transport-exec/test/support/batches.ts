import { createHash } from "node:crypto";
import { pack, type Headers } from "tar-stream";
import type { Archive, Batch, BatchEntry, RootSpec } from "@kinsync/core/contract";

/** What a test wants of a batch. */
export type Wanted =
  | {
      readonly file: string;
      readonly bytes: string | Uint8Array;
      readonly mode?: number;
      readonly replaces?: "file" | "link" | "directory";
    }
  | { readonly directory: string; readonly mode?: number; readonly replaces?: "file" | "link" }
  | { readonly link: string; readonly target: string; readonly replaces?: "file" | "link" | "directory" }
  | { readonly chmod: string; readonly mode: number }
  | { readonly remove: string; readonly type?: "file" | "directory" };

let generation = 0;

/** A batch with its archive, made by hand. */
export async function batchOf(root: RootSpec, wanted: readonly Wanted[]): Promise<Batch> {
  const entries: BatchEntry[] = [];
  const members: { readonly header: Headers; readonly bytes: Buffer }[] = [];
  const placed: string[] = [];
  const unplaced: string[] = [];
  for (const want of wanted) {
    const replaces = "replaces" in want && want.replaces !== undefined ? { replaces: want.replaces } : {};
    if ("file" in want) {
      const bytes = Buffer.from(want.bytes);
      const mode = want.mode ?? 0o644;
      const digest = createHash("sha256").update(bytes).digest("hex");
      entries.push({ op: "file", path: want.file, mode, size: bytes.length, digest, ...replaces });
      members.push({ header: { name: want.file, mode, type: "file" }, bytes });
      placed.push(want.file);
    } else if ("directory" in want) {
      const mode = want.mode ?? 0o755;
      entries.push({ op: "directory", path: want.directory, mode, ...replaces } as BatchEntry);
      members.push({ header: { name: want.directory, mode, type: "directory" }, bytes: Buffer.alloc(0) });
      placed.push(want.directory);
    } else if ("link" in want) {
      entries.push({ op: "link", path: want.link, target: want.target, ...replaces });
      members.push({
        header: { name: want.link, mode: 0o777, type: "symlink", linkname: want.target },
        bytes: Buffer.alloc(0),
      });
      placed.push(want.link);
    } else if ("chmod" in want) entries.push({ op: "chmod", path: want.chmod, mode: want.mode });
    else {
      entries.push({ op: "delete", path: want.remove, type: want.type ?? "file" });
      unplaced.push(want.remove);
    }
  }
  generation += 1;
  const tree = createHash("sha256").update(JSON.stringify(entries)).digest("hex");
  return { root, generation, tree, entries, placed, unplaced, archive: await archiveOf(members) };
}

async function archiveOf(members: readonly { readonly header: Headers; readonly bytes: Buffer }[]): Promise<Archive> {
  const tar = pack();
  for (const { header, bytes } of members) tar.entry({ mtime: new Date(0), ...header }, bytes);
  tar.finalize();
  const parts: Buffer[] = [];
  for await (const part of tar as AsyncIterable<Buffer>) parts.push(part);
  const bytes = Buffer.concat(parts);
  return {
    size: bytes.length,
    async *chunks(signal) {
      for (let at = 0; at < bytes.length; at += 65_536) {
        signal.throwIfAborted();
        yield bytes.subarray(at, at + 65_536);
      }
    },
  };
}
