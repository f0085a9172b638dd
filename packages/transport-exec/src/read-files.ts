import { KinsyncError, type Archive } from "@kinsync/core/contract";
import { isStaged, type CommitPlan } from "./commit-plan.ts";
import { TarCursor } from "./tar-cursor.ts";

/**
 * Takes the bytes of a few small files out of their archive.
 * @throws `KINSYNC_INTERNAL` where the archive does not go with the plan; whatever the archive throws
 */
export async function readFiles(
  archive: Archive,
  plan: CommitPlan,
  signal: AbortSignal,
): Promise<readonly Uint8Array[]> {
  const staged = plan.steps.filter(isStaged);
  const parts: Uint8Array[][] = staged.map(() => []);
  const cursor = new TarCursor((member, bytes) => parts[member]?.push(bytes));
  for await (const chunk of archive.chunks(signal)) cursor.push(chunk);
  return staged.map((step, index) => {
    const bytes = Buffer.concat(parts[index] ?? []);
    if (cursor.whole <= index || bytes.length !== step.size) throw strange(step.path);
    return bytes;
  });
}

/**
 * The bytes of the first file of an archive, as they come.
 * @throws as `readFiles`, while it is read
 */
export function contentOf(archive: Archive, plan: CommitPlan): Archive {
  const step = plan.steps.find(isStaged);
  const size = step?.size ?? 0;
  return {
    size,
    async *chunks(signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
      const found: Uint8Array[] = [];
      let left = size;
      const cursor = new TarCursor((member, bytes) => {
        if (member === 0) found.push(bytes);
      });
      for await (const chunk of archive.chunks(signal)) {
        cursor.push(chunk);
        for (const bytes of found.splice(0)) {
          left -= bytes.length;
          if (left < 0) throw strange(step?.path);
          yield bytes;
        }
      }
      if (left !== 0) throw strange(step?.path);
    },
  };
}

function strange(path = ""): KinsyncError {
  return new KinsyncError("KINSYNC_INTERNAL", `the archive of a batch does not hold ${path} where it should`);
}
