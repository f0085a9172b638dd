import { posix } from "node:path";
import type { Inventory, InventoryEntry, Marker, Origin } from "@kinsync/core/contract";
import { ManifestReader } from "../commit/manifest.ts";
import { unescapePath } from "./escape.ts";

const TYPE = 0o170000;
const FILE = 0o100000;
const DIRECTORY = 0o040000;
const LINK = 0o120000;
/** Records of one inventory at most. kinsync is not made for larger folders. */
const MAX_RECORDS = 4_000_000;

interface Found {
  readonly mode: number;
  readonly size: number;
}

/**
 * Builds an inventory from its records. Agents write them in any order:
 * `r STATE PATH` the root, `E` where it is an empty folder, `m MARKER`, `pLINE` of the manifest, `s MODE SIZE PATH` (mode in hexadecimal), `h DIGEST PATH` or the output
 * of sha256sum, `t TARGET` of the link that the last `s` or `n PATH` named, `M PATH` a mount point below the root, `D DEVICE PATH` a
 * folder, where the agent has no list of mounts. Names in `s`, `n` and `D` are raw if the agent escapes no names; all others are escaped.
 */
export class InventoryReader {
  /** Paths to request: those of the inventory, and their folders, because a path below a link does not count. */
  readonly requested: readonly string[];
  readonly #wanted: ReadonlySet<string> | undefined;
  /** Absolute paths. */
  readonly #mounts = new Set<string>();
  readonly #devices = new Map<string, string>();
  readonly #isRaw: boolean;
  readonly #found = new Map<string, Found>();
  readonly #digests = new Map<string, string>();
  readonly #targets = new Map<string, string>();
  readonly #manifest = new ManifestReader();
  #root: Inventory["root"] = "missing";
  #rootPath = "";
  #isEmpty = false;
  #marker: Marker | undefined;
  #last = "";
  #records = 0;

  constructor(paths: readonly string[], list: boolean, isRaw: boolean) {
    this.#isRaw = isRaw;
    this.#wanted = list ? undefined : new Set(paths);
    const requested = new Set<string>();
    if (!list)
      for (const path of paths)
        for (let at = path; at !== "." && at !== "/" && !requested.has(at); at = posix.dirname(at)) requested.add(at);
    this.requested = [...requested];
  }

  take(line: string): void {
    this.#records += 1;
    if (this.#records > MAX_RECORDS) throw new Error(`the inventory has more than ${MAX_RECORDS} records`);
    const rest = line.slice(2);
    switch (line.charAt(0)) {
      case "r":
        this.#root = rest.startsWith("d ") ? "directory" : rest.startsWith("m ") ? "missing" : "other";
        this.#rootPath = unescapePath(rest.slice(2));
        return;
      case "E":
        this.#isEmpty = true;
        return;
      case "M":
        this.#mounts.add(unescapePath(rest));
        return;
      case "D": {
        const [device = "", ...words] = rest.split(" ");
        this.#devices.set(this.#name(words.join(" ")), device);
        return;
      }
      case "m":
        this.#marker = parseMarker(rest);
        return;
      case "p":
        this.#manifest.take(line.slice(1));
        return;
      case "s":
        this.#status(rest, this.#isRaw);
        return;
      case "S":
        this.#status(rest, false);
        return;
      case "n":
        this.#last = this.#name(rest);
        return;
      case "t":
        this.#targets.set(this.#last, unescapePath(rest));
        return;
      case "h":
      case "H": {
        const [digest = "", ...words] = rest.split(" ");
        this.#digest(digest, this.#name(words.join(" "), false));
        return;
      }
      default:
        this.#sha256sum(line);
    }
  }

  #status(rest: string, isRaw: boolean): void {
    const match = /^([0-9a-f]+) (\d+) (.+)$/s.exec(rest);
    if (match === null) return;
    const [, mode = "", size = "", name = ""] = match;
    this.#last = this.#name(name, isRaw);
    // kinsync creates no name that is not UTF-8.
    if (this.#last.includes("\uFFFD")) return;
    this.#found.set(this.#last, { mode: Number.parseInt(mode, 16), size: Number(size) });
  }

  /** GNU sha256sum begins a line with a backslash if it escaped the name. */
  #sha256sum(line: string): void {
    const match = /^(\\?)([0-9a-f]{64}) [ *](.+)$/s.exec(line);
    if (match === null) return;
    const [, escaped, digest = "", name = ""] = match;
    this.#digest(digest, withoutDot(escaped === "" ? name : unescapePath(name)));
  }

  #digest(digest: string, path: string): void {
    if (digest.length === 64) this.#digests.set(path, digest);
  }

  #name(text: string, isRaw: boolean = this.#isRaw): string {
    return withoutDot(isRaw ? text : unescapePath(text));
  }

  /** True if the journal has many more lines than paths. */
  get isJournalLong(): boolean {
    return this.#manifest.isLong;
  }

  inventory(): Inventory {
    const entries: InventoryEntry[] = [];
    const mounts = this.#relativeMounts();
    for (const [path, { mode, size }] of this.#found) {
      if (this.#wanted === undefined ? isAtOrBelow(path, mounts) : !this.#wanted.has(path)) continue;
      if (!this.#isReached(path)) continue;
      const type = mode & TYPE;
      if (type === FILE) {
        // A file that cannot be read has no digest, so it differs from every local file.
        entries.push({ type: "file", path, mode: mode & 0o7777, size, digest: this.#digests.get(path) ?? "" });
      } else if (type === DIRECTORY) entries.push({ type: "directory", path, mode: mode & 0o7777 });
      else if (type === LINK) entries.push({ type: "link", path, target: this.#targets.get(path) ?? "" });
      else entries.push({ type: "other", path });
    }
    return {
      root: this.#root,
      entries,
      placed: this.#manifest.placed,
      ...(this.#isEmpty ? { isEmpty: true } : {}),
      ...(mounts.size === 0 ? {} : { mounts: [...mounts] }),
      ...(this.#marker === undefined ? {} : { marker: this.#marker }),
    };
  }

  #relativeMounts(): ReadonlySet<string> {
    const prefix = this.#rootPath === "/" ? "/" : `${this.#rootPath}/`;
    const mounts = new Set<string>();
    for (const point of this.#mounts) if (point.startsWith(prefix)) mounts.add(point.slice(prefix.length));
    const own = this.#devices.get(".");
    for (const [path, device] of this.#devices) if (device !== own) mounts.add(path);
    return mounts;
  }

  /** False for a path below a link: it is not part of the root. */
  #isReached(path: string): boolean {
    for (let at = posix.dirname(path); at !== "." && at !== "/"; at = posix.dirname(at)) {
      const parent = this.#found.get(at);
      if (parent === undefined || (parent.mode & TYPE) !== DIRECTORY) return false;
    }
    return true;
  }
}

/** True if the path is one of the folders, or below one of them. */
export function isAtOrBelow(path: string, folders: ReadonlySet<string>): boolean {
  if (folders.size === 0) return false;
  for (let at = path; at !== "." && at !== "/"; at = posix.dirname(at)) if (folders.has(at)) return true;
  return false;
}

function withoutDot(path: string): string {
  return path.startsWith("./") ? path.slice(2) : path;
}

/** A marker that any version of kinsync wrote; `undefined` for anything else. */
function parseMarker(text: string): Marker | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { format, runId, owner, since, origin, incarnation, process, snapshot, tree, at, owed } = value as Record<
    string,
    unknown
  >;
  if (format !== 1 || typeof runId !== "string" || typeof since !== "string") return undefined;
  return {
    format,
    runId,
    since,
    owner: typeof owner === "string" ? owner : "",
    incarnation: typeof incarnation === "string" ? incarnation : "",
    snapshot: typeof snapshot === "number" ? snapshot : 0,
    tree: typeof tree === "string" ? tree : "",
    ...(typeof at === "string" ? { at } : {}),
    ...(isProcess(process) ? { process: { id: process.id, start: process.start } } : {}),
    ...(isPaths(owed) ? { owed } : {}),
    ...(isOrigin(origin) ? { origin: { host: origin.host, folder: origin.folder } } : {}),
  };
}

function isProcess(value: unknown): value is NonNullable<Marker["process"]> {
  if (typeof value !== "object" || value === null) return false;
  const { id, start } = value as Record<string, unknown>;
  return Number.isInteger(id) && typeof start === "string";
}

function isPaths(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((path) => typeof path === "string");
}

function isOrigin(value: unknown): value is Origin {
  if (typeof value !== "object" || value === null) return false;
  const { host, folder } = value as Record<string, unknown>;
  return typeof host === "string" && typeof folder === "string";
}

/** A list leaves out what is mounted below the root. Requested and placed paths there are read by their names. */
export async function withMounted(
  inventory: Inventory & { readonly mounts?: readonly string[] },
  paths: readonly string[],
  read: (paths: readonly string[]) => Promise<Inventory>,
): Promise<Inventory> {
  const { mounts = [] } = inventory;
  if (mounts.length === 0) return inventory;
  const known = [...new Set([...paths, ...inventory.placed])];
  const mounted = known.filter((path) => isAtOrBelow(path, new Set(mounts)));
  if (mounted.length === 0) return inventory;
  const rest = await read(mounted);
  return { ...inventory, entries: [...inventory.entries, ...rest.entries] };
}
