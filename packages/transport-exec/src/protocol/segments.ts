import { KinsyncError, type Archive, type LinkRate, type PieceEncoding } from "@kinsync/core/contract";
import type { ArrivedBytes } from "./arrived-bytes.ts";
import { compressText } from "./request-text.ts";
import type { Checklist, StreamingChecksums } from "./streaming-checksums.ts";

const BLOCK_BYTES = 64 * 1024;
/** A segment is acknowledged at once, and padded when a batch is aborted. */
const SEGMENT_BYTES = 16 * BLOCK_BYTES;
const LARGE_SEGMENT_BYTES = 4 * SEGMENT_BYTES;
/** Archives above this size are sent in large segments. */
const LARGE_ARCHIVE_BYTES = 8 * LARGE_SEGMENT_BYTES;

export interface SegmentsOptions {
  readonly signal: AbortSignal;
  readonly checksums: StreamingChecksums | undefined;
  readonly write: (data: Uint8Array | string) => void;
  /** Settles when there is room for more. */
  readonly drained: () => Promise<void>;
  /** True once the container discards what it receives for this batch. */
  readonly isRefused: () => boolean;
  /** Throws if the session has ended. */
  readonly throwIfOver: () => void;
  /** Receives the reason why the archive is not sent completely. */
  readonly onFailure: (error: unknown) => void;
  /** For an archive that other requests overtake between two segments. */
  readonly background?: BackgroundOptions;
}

export interface BackgroundOptions {
  /** Writes what waits for its turn and may overtake the archive. */
  readonly letOthersPass: () => Promise<void>;
  /** What the container has read. */
  readonly arrived: ArrivedBytes;
  readonly bytesPerSecond: LinkRate;
}

/** Bytes that may be on their way where the link is slow: what overtakes them waits for these. */
const MIN_AHEAD_BYTES = 2 * 1024 * 1024;
const AHEAD_SECONDS = 0.5;

/**
 * Before the next segment: lets other requests pass, and waits while so much is on its way that they would wait long.
 * @param sent bytes of the archive that were written
 */
async function makeWay(sent: number, { background, signal }: SegmentsOptions): Promise<void> {
  if (background === undefined) return;
  const rate = background.bytesPerSecond() ?? Infinity;
  await background.arrived.reach(sent - Math.max(MIN_AHEAD_BYTES, rate * AHEAD_SECONDS), signal);
  await background.letOthersPass();
}

/**
 * Sends an archive in segments. Each segment starts with its length. A segment that has begun is always filled, so that the next
 * request starts where the agent expects it and the session stays usable.
 * @returns true if the archive was sent completely
 */
export async function sendSegments(archive: Archive, options: SegmentsOptions): Promise<boolean> {
  const { signal, checksums, write, drained } = options;
  let left = archive.size;
  let room = 0;
  const abort = async (error: unknown): Promise<boolean> => {
    options.onFailure(error);
    const zeros = Buffer.alloc(BLOCK_BYTES);
    for (; room > 0; room -= Math.min(room, BLOCK_BYTES)) {
      write(zeros.subarray(0, Math.min(room, BLOCK_BYTES)));
      await drained();
    }
    return false;
  };
  try {
    for await (const whole of archive.chunks(signal)) {
      for (let chunk = whole; chunk.length > 0;) {
        options.throwIfOver();
        if (room === 0) {
          await makeWay(archive.size - left, options);
          options.throwIfOver();
          signal.throwIfAborted();
          if (options.isRefused()) return false;
          const [size, count] = nextSegment(left, segmentBytes(archive, options));
          if (size * count === 0)
            throw new KinsyncError("KINSYNC_INTERNAL", `an archive of ${archive.size} bytes returned more bytes`);
          room = size * count;
          left -= room;
          write(`d ${size} ${count}\n`);
        }
        const part = chunk.subarray(0, room);
        write(part);
        room -= part.length;
        chunk = chunk.subarray(part.length);
        checksums?.take(part);
        if (room === 0 && checksums !== undefined) {
          const { list } = checksums.between();
          if (list !== "") write(`h ${Buffer.byteLength(list)}\n${list}`);
        }
        await drained();
        signal.throwIfAborted();
      }
    }
  } catch (error) {
    return abort(error);
  }
  if (left === 0 && room === 0) return true;
  return abort(new KinsyncError("KINSYNC_INTERNAL", `an archive of ${archive.size} bytes ended early`));
}

/**
 * Sends an archive as pieces that are compressed once for all sessions. A piece is complete before its first byte is sent, so nothing is
 * padded when a batch is aborted.
 * @returns true if the archive was sent completely
 */
export async function sendCompressed(
  archive: Archive,
  options: SegmentsOptions,
  { bytesPerSecond, encodings }: { readonly bytesPerSecond: LinkRate; readonly encodings: readonly PieceEncoding[] },
): Promise<boolean> {
  const { signal, checksums, write, drained } = options;
  let position = 0;
  try {
    const pieces = archive.compressed?.(signal, bytesPerSecond, encodings) ?? [];
    for await (const { size, bytes, isGzip, encoding = isGzip ? "gzip" : undefined, entries } of pieces) {
      await makeWay(position, options);
      options.throwIfOver();
      signal.throwIfAborted();
      if (options.isRefused()) return false;
      write(segmentHeader(size, bytes, encoding));
      for (let from = 0; from < bytes.length; from += BLOCK_BYTES) {
        write(bytes.subarray(from, from + BLOCK_BYTES));
        await drained();
        options.throwIfOver();
      }
      position += size;
      const checklist = checksums?.at({ position, whole: entries });
      if (checklist !== undefined) writeNames(checklist, write);
    }
  } catch (error) {
    options.onFailure(error);
    return false;
  }
  if (position === archive.size) return true;
  options.onFailure(new KinsyncError("KINSYNC_INTERNAL", `an archive of ${archive.size} bytes ended early`));
  return false;
}

function segmentHeader(size: number, bytes: Uint8Array, encoding: PieceEncoding | undefined): string {
  if (encoding === undefined) return `d ${size} 1\n`;
  return encoding === "gzip" ? `z ${bytes.length} ${size}\n` : `z ${bytes.length} ${size} ${encoding}\n`;
}

function writeNames(checklist: Checklist, write: SegmentsOptions["write"]): void {
  const names = checklist.names();
  if (names === "") return;
  const compressed = compressText(names);
  const length = compressed?.packed.length ?? Buffer.byteLength(names);
  write(`n ${length} ${compressed?.bytes ?? "-"} ${checklist.digest()}\n`);
  write(compressed?.packed ?? names);
}

/** Large segments for a large archive, unless others may overtake it on a slow link. */
function segmentBytes({ size }: Archive, { background }: SegmentsOptions): number {
  const isSlow = background !== undefined && background.bytesPerSecond() !== Infinity;
  return size > LARGE_ARCHIVE_BYTES && !isSlow ? LARGE_SEGMENT_BYTES : SEGMENT_BYTES;
}

function nextSegment(left: number, segment: number): readonly [size: number, count: number] {
  if (left >= segment) return [BLOCK_BYTES, segment / BLOCK_BYTES];
  const count = Math.floor(left / BLOCK_BYTES);
  return count > 0 ? [BLOCK_BYTES, count] : [left, 1];
}
