import { createHash, hash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readSync, type BigIntStats } from "node:fs";
import { open } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { pause } from "../../time/deadline.ts";

/** Facts of `stat` that differ between two versions of a file. */
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
  /** So new that a later write could leave the same stamp (git's "racily clean"): the next scan must read the file again. */
  readonly racy: boolean;
}

/** Files up to this size are read in one piece, synchronously. */
export const SMALL_FILE_BYTES = 256 * 1024;
const CHUNK_BYTES = 1024 * 1024;
/** How often a file that changes during the reading is read. */
const ATTEMPTS = 3;
/** Two writes within this time may get the same time stamp: the kernel's tick is 1 to 10 ms. */
const TICK_NS = 20_000_000n;
/** Reading a file of this size again takes longer than to wait for the next tick first. */
const WAIT_FOR_TICK_BYTES = 4n * 1024n * 1024n;
/** The same on file systems that store times in steps of one or two seconds. */
const COARSE_TICK_NS = 2_000_000_000n;
/** A pipe that replaced the file must not block the event loop. Windows does not have the flag. */
const FOLLOW_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
/** A link that replaced the file fails with `ELOOP`. Windows does not have the flag. */
const NO_FOLLOW_FLAGS = FOLLOW_FLAGS | (constants.O_NOFOLLOW ?? 0);

const small = Buffer.allocUnsafeSlow(SMALL_FILE_BYTES + 1);

/** How files are opened for reading. `follow` is for the path in the config, which may be a link. */
export function openFlags(follow: boolean): number {
  return follow ? FOLLOW_FLAGS : NO_FOLLOW_FLAGS;
}

export function isSameStamp(a: Stamp, b: Stamp): boolean {
  return a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs && a.size === b.size && a.ino === b.ino && a.dev === b.dev;
}

export function stampOf(stats: BigIntStats): Stamp {
  const { dev, ino, size, mtimeNs, ctimeNs } = stats;
  return { dev, ino, size, mtimeNs, ctimeNs };
}

/**
 * Reads a small file and returns the digest of one consistent content. Synchronous, since for small files that is four to
 * five times cheaper than the thread pool.
 * @returns `undefined` if the file is large, or changed each time that it was read
 * @throws the system's error, such as `ENOENT`; `ELOOP` or `ENOTFILE` if the path is no longer a file
 */
export function digestSmallFile(path: string, follow = false): FileDigest | undefined {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const now = wallClock();
    const fd = openSync(path, openFlags(follow));
    try {
      const before = fstatSync(fd, { bigint: true });
      requireFile(before, path);
      if (before.size > SMALL_FILE_BYTES) return undefined;
      let length = 0;
      for (let read = 1; read > 0 && length <= SMALL_FILE_BYTES; length += read) {
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
 * The same for a file of any size, in pieces, with pauses for other work.
 * @returns `undefined` if it changed each time that it was read
 */
export async function digestFile(path: string, signal: AbortSignal, follow = false): Promise<FileDigest | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    await using file = await open(path, openFlags(follow));
    const before = await file.stat({ bigint: true });
    requireFile(before, path);
    if (before.size >= WAIT_FOR_TICK_BYTES) await nextTick(before, signal);
    const now = wallClock();
    const sum = createHash("sha256");
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, Number(before.size) + 1));
    let length = 0;
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead } = await file.read(chunk, 0, chunk.length, null);
      if (bytesRead === 0) break;
      sum.update(chunk.subarray(0, bytesRead));
      length += bytesRead;
      // A file that grows faster than it is read would never end.
      if (length > before.size) break;
      await setImmediate();
    }
    const after = await file.stat({ bigint: true });
    if (length === Number(after.size) && isSameStamp(before, after)) return finish(after, sum.digest("hex"), now);
  }
  return undefined;
}

/** Waits until a later write leaves another time stamp, if that is soon. Else the next scan, which may be due to a save, would read all of it again. */
async function nextTick(stats: BigIntStats, signal: AbortSignal): Promise<void> {
  const age = wallClock() - newestTime(stats);
  if (age < 0n || age > TICK_NS || isCoarse(stats)) return;
  await pause(Number((TICK_NS - age) / 1_000_000n) + 1, signal);
  signal.throwIfAborted();
}

function isCoarse({ mtimeNs, ctimeNs }: BigIntStats): boolean {
  return mtimeNs % 1_000_000_000n === 0n && ctimeNs % 1_000_000_000n === 0n;
}

function newestTime({ mtimeNs, ctimeNs }: BigIntStats): bigint {
  return mtimeNs > ctimeNs ? mtimeNs : ctimeNs;
}

function finish(stats: BigIntStats, digest: string, now: bigint): FileDigest {
  return {
    stamp: stampOf(stats),
    digest,
    mode: Number(stats.mode),
    racy: newestTime(stats) >= now - (isCoarse(stats) ? COARSE_TICK_NS : TICK_NS),
  };
}

function requireFile(stats: BigIntStats, path: string): void {
  if (stats.isFile()) return;
  throw Object.assign(new Error(`${path} is not a file`), { code: "ENOTFILE" });
}

/** Nanoseconds, as in the time stamps of files. */
function wallClock(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
