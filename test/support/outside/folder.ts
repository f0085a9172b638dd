import {
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

/** What a path holds. A hard link is to a file outside of the mapped root. */
export type Content =
  | { readonly type: "file"; readonly text: string; readonly mode: number }
  | { readonly type: "link"; readonly target: string }
  | { readonly type: "hard link"; readonly to: string }
  | { readonly type: "folder" }
  | { readonly type: "nothing" };

/** Makes a path hold this, whatever was there. A path below a file or a link stays as it is. */
export function put(top: string, path: string, content: Content): void {
  const full = join(top, path);
  try {
    for (let at = dirname(path); at !== "."; at = dirname(at)) {
      if (lstatSync(join(top, at), { throwIfNoEntry: false })?.isSymbolicLink() === true) return;
    }
    mkdirSync(dirname(full), { recursive: true });
    rmSync(full, { recursive: true, force: true });
    if (content.type === "file") writeFileSync(full, content.text, { mode: content.mode });
    else if (content.type === "link") symlinkSync(content.target, full);
    else if (content.type === "hard link") linkSync(content.to, full);
    else if (content.type === "folder") mkdirSync(full);
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (!["ENOTDIR", "EEXIST", "EBUSY", "ELOOP"].includes(code)) throw error;
  }
}

export interface Around {
  /** Whether a path belongs to kinsync; it is left out, with all that is below it. */
  readonly isInside: (path: string) => boolean;
  /** Folders in which names come and go. */
  readonly changing: ReadonlySet<string>;
}

/**
 * All that can be seen of what is below a folder, by path: type, mode, owner, times, inode and content. The state directories in the
 * folders in which names change are left out, and so are the times of these folders.
 */
export function describeFolder(top: string, { isInside, changing }: Around): Map<string, string> {
  const found = new Map<string, string>();
  const walk = (path: string): void => {
    const full = join(top, path);
    const status = lstatSync(full, { bigint: true });
    const { mode, uid, gid, ino, size, mtimeNs, ctimeNs } = status;
    const isChanging = changing.has(path);
    const fields = [mode.toString(8), uid, gid, ino, ...(isChanging ? [] : [size, mtimeNs])];
    // A hard link to it that comes or goes changes the time of its inode.
    if (!isChanging && !status.isFile()) fields.push(ctimeNs);
    const content = status.isSymbolicLink() ? readlinkSync(full) : status.isFile() ? readFileSync(full, "latin1") : "";
    found.set(path, `${fields.join(" ")} ${content}`);
    if (!status.isDirectory()) return;
    for (const name of readdirSync(full)) {
      const inner = path === "" ? name : `${path}/${name}`;
      if (!isInside(inner) && !(name === ".kinsync" && isChanging)) walk(inner);
    }
  };
  walk("");
  return found;
}
