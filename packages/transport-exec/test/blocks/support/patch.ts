import { createHash } from "node:crypto";
import { BlockFinder, type Patch } from "../../../src/blocks/block-finder.ts";
import { RollingSum } from "../../../src/blocks/rolling-sum.ts";
import { BlockIndex, joinSignature, type Signature } from "../../../src/blocks/signature.ts";

export const BLOCK_BYTES = 1024;

/** What an agent reports of a file. */
export function signatureOf(file: Uint8Array, blockBytes = BLOCK_BYTES): Signature | undefined {
  const sum = new RollingSum(blockBytes);
  let text = "";
  for (let at = 0; at + blockBytes <= file.length; at += blockBytes) {
    const block = file.subarray(at, at + blockBytes);
    sum.reset(block);
    const weak = (sum.high * 0x10000 + sum.low).toString(16).padStart(8, "0");
    text += weak + createHash("sha256").update(block).digest("hex").slice(0, 32);
  }
  return joinSignature(text === "" ? [] : [`b ${text}`], blockBytes);
}

/** @param chunkBytes how the new file is cut while it is read */
export function findPatch(former: Uint8Array, file: Uint8Array, chunkBytes = 700, maxShare = 1): Patch | undefined {
  return findPatchBy(signatureOf(former), file, chunkBytes, maxShare);
}

/** The same by the sums of several files. */
export function findPatchBy(
  signature: Signature | undefined,
  file: Uint8Array,
  chunkBytes = 700,
  maxShare = 1,
): Patch | undefined {
  if (signature === undefined) return undefined;
  const finder = new BlockFinder(new BlockIndex(signature), file.length * maxShare);
  for (let at = 0; at < file.length; at += chunkBytes) finder.push(file.subarray(at, at + chunkBytes));
  return finder.finish();
}

/** The file that an agent makes of a patch. */
export function applyPatch(
  { parts }: Patch,
  former: Uint8Array,
  file: Uint8Array,
  kept: Uint8Array = Buffer.alloc(0),
): Buffer {
  const made: Uint8Array[] = [];
  let at = 0;
  for (const { source, from, size } of parts) {
    if (source === "new") made.push(file.subarray(at, at + size));
    else made.push((source === "kept" ? kept : former).subarray(from, from + size));
    at += size;
  }
  return Buffer.concat(made);
}
