import { KinsyncError, type Archive } from "@kinsync/core/contract";
import { isStaged, type CommitPlan } from "./commit-plan.ts";

const BLOCK = 512;
/** Members that only describe the next one: pax headers and GNU's long names. */
const DESCRIBES = new Set(["x", "g", "L", "K"]);

/**
 * Takes the bytes of a few small files out of their archive.
 * @throws `KINSYNC_INTERNAL` where the archive does not go with the plan; whatever the archive throws
 */
export async function readFiles(
  archive: Archive,
  plan: CommitPlan,
  signal: AbortSignal,
): Promise<readonly Uint8Array[]> {
  const parts: Uint8Array[] = [];
  for await (const chunk of archive.chunks(signal)) parts.push(chunk);
  const tar = Buffer.concat(parts);
  const files: Uint8Array[] = [];
  let at = 0;
  for (const step of plan.steps) {
    if (!isStaged(step)) continue;
    while (DESCRIBES.has(tar.toString("latin1", at + 156, at + 157))) at += BLOCK + padded(sizeAt(tar, at));
    if (at + BLOCK + step.size > tar.length || sizeAt(tar, at) !== step.size) {
      throw new KinsyncError("KINSYNC_INTERNAL", `the archive of a batch does not hold ${step.path} where it should`);
    }
    files.push(tar.subarray(at + BLOCK, at + BLOCK + step.size));
    at += BLOCK + padded(step.size);
  }
  return files;
}

function sizeAt(tar: Buffer, header: number): number {
  return Number.parseInt(tar.toString("latin1", header + 124, header + 135), 8);
}

function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}
