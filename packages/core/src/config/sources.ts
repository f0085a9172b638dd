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
          ...hintOf(mapping, near),
          cause: error,
          details: { mapping: mapping.id, from: mapping.from },
        },
      );
    }
  }
}

function hintOf({ fromText }: ResolvedMapping, near: string | undefined): { readonly hint?: string } {
  if (/[*?[{]/.test(fromText)) {
    const [folder = ""] = fromText.split(/[*?[{]/);
    const parent = folder.replace(/[^/]*$/, "").replace(/\/$/, "");
    return {
      hint: `\`from\` takes no globs. Name the folder: ${parent === "" ? "." : parent}; \`ignore\` leaves files of it out.`,
    };
  }
  return near === undefined ? {} : { hint: `Did you mean ${near}?` };
}

async function nearestName(path: string): Promise<string | undefined> {
  try {
    return nearest(basename(path), await readdir(dirname(path)));
  } catch {
    return undefined;
  }
}
