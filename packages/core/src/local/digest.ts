import { createHash, hash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readSync, type BigIntStats } from "node:fs";
import { open } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";

/** What tells two versions of a file apart without reading it. */
export interface Stamp {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

/** A file's content as it was at one moment. */
export interface FileDigest {
  readonly stamp: Stamp;
  /** sha256, hex. */
  readonly digest: string;
  /** As in `stat`, with the type. */
  readonly mode: number;
  /** So fresh that a later write could leave the same stamp (git's "racily clean"): look at the content again next time. */
  readonly racy: boolean;
}

/** Files up to this size are read at one go. */
const SMALL = 256 * 1024;
const CHUNK = 1024 * 1024;
/** How often a file that changes while it is read is read again. */
const ATTEMPTS = 3;
/** Two writes within this many nanoseconds may get one time: the kernel's tick is 1 to 10 ms. */
const TICK = 20_000_000n;
/** The same on file systems that keep whole seconds only, or two. */
const COARSE_TICK = 2_000_000_000n;
/** A pipe that took the file's place must not block the event loop. Windows does not have the flag. */
const FLAGS_FOLLOW = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
/** A link that took the file's place fails with `ELOOP`. Windows does not have the flag. */
const FLAGS = FLAGS_FOLLOW | (constants.O_NOFOLLOW ?? 0);

const small = Buffer.allocUnsafeSlow(SMALL + 1);

/** How files are opened for reading. `follow` is for the path that the user named, which may be a link. */
export function openFlags(follow: boolean): number {
  return follow ? FLAGS_FOLLOW : FLAGS;
}

export function isSameStamp(a: Stamp, b: Stamp): boolean {
  return a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs && a.size === b.size && a.ino === b.ino && a.dev === b.dev;
}

export function stampOf(stats: BigIntStats): Stamp {
  const { dev, ino, size, mtimeNs, ctimeNs } = stats;
  return { dev, ino, size, mtimeNs, ctimeNs };
}

/**
 * Reads a small file and gives the digest of one consistent content. Synchronous on purpose: for small files that is four to
 * five times cheaper than going through the thread pool.
 * @returns `undefined` where it is large, or changed each time that it was read
 * @throws the system's error, `ENOENT` among them; `ELOOP` or `ENOTFILE` where it is no file any more
 */
export function digestSmallFile(path: string, follow = false): FileDigest | undefined {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const now = wallClock();
    const fd = openSync(path, openFlags(follow));
    try {
      const before = fstatSync(fd, { bigint: true });
      requireFile(before, path);
      if (before.size > SMALL) return undefined;
      let length = 0;
      for (let read = 1; read > 0 && length <= SMALL; length += read) {
        read = readSync(fd, small, length, small.length - length, null);
        if (read === 0) break;
      }
      const after = fstatSync(fd, { bigint: true });
      if (length === Number(after.size) && isSameStamp(before, after)) {
        return finish(after, hash("sha256", small.subarray(0, length)), now);
      }
    } finally {
      closeSync(fd);
    }
  }
  return undefined;
}

/**
 * The same for a file of any size, in pieces that leave room for other work.
 * @returns `undefined` where it changed each time that it was read
 */
export async function digestFile(path: string, signal: AbortSignal, follow = false): Promise<FileDigest | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const now = wallClock();
    await using file = await open(path, openFlags(follow));
    const before = await file.stat({ bigint: true });
    requireFile(before, path);
    const sum = createHash("sha256");
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK, Number(before.size) + 1));
    let length = 0;
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead } = await file.read(chunk, 0, chunk.length, null);
      if (bytesRead === 0) break;
      sum.update(chunk.subarray(0, bytesRead));
      length += bytesRead;
      // What grows faster than it is read would never end.
      if (length > before.size) break;
      await setImmediate();
    }
    const after = await file.stat({ bigint: true });
    if (length === Number(after.size) && isSameStamp(before, after)) return finish(after, sum.digest("hex"), now);
  }
  return undefined;
}

function finish(stats: BigIntStats, digest: string, now: bigint): FileDigest {
  const coarse = stats.mtimeNs % 1_000_000_000n === 0n && stats.ctimeNs % 1_000_000_000n === 0n;
  const newest = stats.mtimeNs > stats.ctimeNs ? stats.mtimeNs : stats.ctimeNs;
  return {
    stamp: stampOf(stats),
    digest,
    mode: Number(stats.mode),
    racy: newest >= now - (coarse ? COARSE_TICK : TICK),
  };
}

function requireFile(stats: BigIntStats, path: string): void {
  if (stats.isFile()) return;
  throw Object.assign(new Error(`${path} is no file`), { code: "ENOTFILE" });
}

/** Nanoseconds, as files are stamped. */
function wallClock(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
