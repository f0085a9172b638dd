import { readdir, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { KinsyncError } from "../errors/error.ts";
import type { ResolvedMapping } from "../mapping/mapping.ts";
import { nearest } from "../text/did-you-mean.ts";

/**
 * Checks that the local path of each mapping is there at the start, when a typing error is far likelier than a path that is
 * about to be made. Later on a vanished path halts its mapping and ends nothing.
 * Throws `KINSYNC_SOURCE_MISSING` with the nearest name in that folder.
 */
export async function checkSources(mappings: readonly ResolvedMapping[]): Promise<void> {
  for (const mapping of mappings) {
    try {
      await stat(mapping.from);
    } catch (error) {
      const near = await nearestName(mapping.from);
      throw new KinsyncError(
        "KINSYNC_SOURCE_MISSING",
        `${mapping.id}: there is no ${mapping.fromText} (looked for ${mapping.from})`,
        {
          ...(near === undefined ? {} : { hint: `Did you mean ${near}?` }),
          cause: error,
          details: { mapping: mapping.id, from: mapping.from },
        },
      );
    }
  }
}

async function nearestName(path: string): Promise<string | undefined> {
  try {
    return nearest(basename(path), await readdir(dirname(path)));
  } catch {
    return undefined;
  }
}
