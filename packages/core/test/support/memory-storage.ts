import { createHash } from "node:crypto";
import type { Batch, InventoryEntry, Marker } from "../../src/contract/transport.ts";

type Node = InventoryEntry & { readonly bytes?: Buffer };

/** Owner of a mapped root. */
interface Claimant {
  /** Another one claimed the root. */
  replaced(): void;
}

/** One mapped root. */
export interface RootState {
  readonly files: Map<string, Node>;
  placed: Set<string>;
  mounts: readonly string[];
  marker: Marker | undefined;
  /** The session that claimed it last. */
  claimant: Claimant | undefined;
}

/** Files by the key of a mapped root: path -> content. */
export type Image = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Files that one or several containers have, by the key of the mapped root. */
export class MemoryStorage {
  readonly roots = new Map<string, RootState>();
  claims = 0;
  inventories = 0;
  /** Paths that inventories were asked for. */
  requested = 0;
  /** Commits that changed something, by the key of the root and what they did. */
  readonly commits: string[] = [];
  /** Files that were written although they were there with the same bytes. */
  readonly rewritten: string[] = [];
  /** Called with each batch before it is applied. */
  onApply: (batch: Batch) => void = () => {};
  readonly #image: Image;

  /** @param image what its roots hold at first */
  constructor(image: Image = {}) {
    this.#image = image;
  }

  root(key: string): RootState {
    let root = this.roots.get(key);
    if (root === undefined) {
      root = { files: new Map(), placed: new Set(), mounts: [], marker: undefined, claimant: undefined };
      this.roots.set(key, root);
      for (const [path, content] of Object.entries(this.#image[key] ?? {})) this.put(key, path, content);
    }
    return root;
  }

  put(key: string, path: string, content: string, mode = 0o644): void {
    const bytes = Buffer.from(content);
    this.root(key).files.set(path, {
      type: "file",
      path,
      mode,
      size: bytes.length,
      digest: digestOf(bytes),
      bytes,
    });
  }

  /** Commits a batch. @param content bytes of its files by path */
  apply(batch: Batch, content: ReadonlyMap<string, Buffer>): void {
    this.onApply(batch);
    const root = this.root(batch.root.key);
    if (batch.entries.length > 0)
      this.commits.push(`${batch.root.key} ${batch.entries.map(({ path }) => path).join(", ")}`);
    for (const entry of batch.entries) {
      const before = root.files.get(entry.path);
      if (entry.op === "file" && before?.type === "file" && before.digest === entry.digest) {
        this.rewritten.push(`${batch.root.key} ${entry.path}`);
      }
      if (entry.op === "delete") root.files.delete(entry.path);
      else if (entry.op === "chmod") {
        const node = root.files.get(entry.path);
        if (node !== undefined && "mode" in node) root.files.set(entry.path, { ...node, mode: entry.mode });
      } else if (entry.op === "file") {
        const bytes = content.get(entry.path) ?? Buffer.alloc(0);
        const { path, mode, size, digest } = entry;
        root.files.set(entry.path, { type: "file", path, mode, size, digest, bytes });
      } else if (entry.op === "link")
        root.files.set(entry.path, { type: "link", path: entry.path, target: entry.target });
      else root.files.set(entry.path, { type: "directory", path: entry.path, mode: entry.mode });
    }
    for (const path of batch.placed) root.placed.add(path);
    for (const path of batch.unplaced) root.placed.delete(path);
    if (root.marker === undefined) return;
    const { owed: _, ...marker } = root.marker;
    const { snapshot, tree, owed } = batch;
    root.marker = { ...marker, snapshot, tree, ...(owed === undefined ? {} : { owed }) };
  }

  /** Path -> content, link target or mode, as somebody else would see it. */
  seen(key: string): Record<string, string> {
    const files = [...this.root(key).files.values()].map((node) => [
      node.path,
      node.type === "file" ? (node.bytes?.toString() ?? "") : node.type === "link" ? `-> ${node.target}` : node.type,
    ]);
    return Object.fromEntries(files.toSorted(([a], [b]) => ((a ?? "") < (b ?? "") ? -1 : 1))) as Record<string, string>;
  }

  /** Another run claims every claimed root. @returns their keys */
  takeOver(since: string): string[] {
    const taken: string[] = [];
    for (const [key, root] of this.roots) {
      if (root.marker === undefined) continue;
      root.marker = { ...root.marker, runId: "another-run", owner: "somebody", since };
      root.claimant = undefined;
      taken.push(key);
    }
    return taken;
  }
}

/** A storage that is mounted at a path. */
export interface MemoryMount {
  readonly at: string;
  readonly storage: MemoryStorage;
}

function digestOf(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
