import { stat } from "node:fs/promises";
import { basename, dirname, join, posix, sep } from "node:path";
import type { PullEntry } from "../contract/pull.ts";
import { KinsyncError } from "../errors/error.ts";
import { refusalOf } from "./entry-path.ts";
import { LocalFolder, notWritten } from "./local-folder.ts";

/** Where a pulled path lands. */
export interface Destination {
  readonly folder: LocalFolder;
  /** Of a single file: its name in the folder. */
  readonly name: string | undefined;
  /** For people: the folder, or the file. */
  readonly to: string;
}

/**
 * What is in a folder lands in the local folder. A single file lands below its name in a local folder that exists or that ends with a
 * slash, else under the local name. Rejects with `KINSYNC_PULL_LOCAL` where a file is in the place of the folder.
 */
export async function destinationOf(entries: readonly PullEntry[], path: string, to: string): Promise<Destination> {
  const isFile = entries.some((entry) => entry.path === "" && entry.type === "file");
  const isFolder = await stat(to).then(
    (there) => there.isDirectory(),
    () => undefined,
  );
  if (!isFile) {
    if (isFolder === false) {
      const message = `${path} is a folder in the container, and ${to} is a file here`;
      throw new KinsyncError("KINSYNC_PULL_LOCAL", message, { hint: "Name another folder." });
    }
    const folder = await LocalFolder.open(to);
    return { folder, name: undefined, to: folder.root };
  }
  const isInFolder = isFolder === true || to.endsWith("/") || to.endsWith(sep);
  const name = isInFolder ? posix.basename(path) : basename(to);
  const refused = refusalOf(name);
  if (refused !== undefined) throw notWritten(join(to, name), new Error(refused));
  const folder = await LocalFolder.open(isInFolder ? to : dirname(to));
  return { folder, name, to: join(folder.root, name) };
}
