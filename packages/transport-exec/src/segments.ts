import { KinsyncError, type Archive } from "@kinsync/core/contract";
import type { Along } from "./dialect.ts";

/** Blocks of a segment: what is acknowledged at once, and what is padded when a batch is given up. 1 MiB, 4 MiB for much. */
const BLOCK = 64 * 1024;
const SEGMENT = 16 * BLOCK;
const LARGE_SEGMENT = 4 * SEGMENT;
const MUCH = 8 * LARGE_SEGMENT;

export interface SegmentsOptions {
  readonly signal: AbortSignal;
  readonly along: Along | undefined;
  readonly write: (data: Uint8Array | string) => void;
  /** Settles when there is room for more. */
  readonly drained: () => Promise<void>;
  /** What the container takes from now on comes to nothing. */
  readonly isRefused: () => boolean;
  /** Throws where the session is over. */
  readonly throwIfOver: () => void;
  /** Why the archive is not sent whole. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Sends an archive in segments, each of which says how long it is. Whatever happens, the segment that was begun is filled, so
 * that the stream stays in step and the session usable.
 * @returns whether the archive was sent whole
 */
export async function sendSegments(archive: Archive, options: SegmentsOptions): Promise<boolean> {
  const { signal, along, write, drained } = options;
  let left = archive.size;
  let room = 0;
  const giveUp = async (error: unknown): Promise<boolean> => {
    options.onFailure(error);
    const zeros = Buffer.alloc(BLOCK);
    for (; room > 0; room -= Math.min(room, BLOCK)) {
      write(zeros.subarray(0, Math.min(room, BLOCK)));
      await drained();
    }
    return false;
  };
  try {
    for await (const whole of archive.chunks(signal)) {
      for (let chunk = whole; chunk.length > 0;) {
        options.throwIfOver();
        if (room === 0) {
          if (options.isRefused()) return false;
          const [size, count] = nextSegment(left, archive.size > MUCH ? LARGE_SEGMENT : SEGMENT);
          if (size * count === 0)
            throw new KinsyncError("KINSYNC_INTERNAL", `an archive of ${archive.size} bytes has more`);
          room = size * count;
          left -= room;
          write(`d ${size} ${count}\n`);
        }
        const part = chunk.subarray(0, room);
        write(part);
        room -= part.length;
        chunk = chunk.subarray(part.length);
        along?.take(part);
        if (room === 0 && along !== undefined) {
          const list = along.between();
          if (list !== "") write(`h ${Buffer.byteLength(list)}\n${list}`);
        }
        await drained();
        signal.throwIfAborted();
      }
    }
  } catch (error) {
    return giveUp(error);
  }
  if (left === 0 && room === 0) return true;
  return giveUp(new KinsyncError("KINSYNC_INTERNAL", `an archive of ${archive.size} bytes ended early`));
}

function nextSegment(left: number, segment: number): readonly [size: number, count: number] {
  if (left >= segment) return [BLOCK, segment / BLOCK];
  const count = Math.floor(left / BLOCK);
  return count > 0 ? [BLOCK, count] : [left, 1];
}
