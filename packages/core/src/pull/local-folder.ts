import type { Stats } from "node:fs";
import { constants } from "node:fs";
import { lstat, mkdir, open, readlink, realpath, rename, symlink, unlink, type FileHandle } from "node:fs/promises";
import { createHash } from "node:crypto";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { KinsyncError } from "../errors/error.ts";
import { systemReason } from "../text/system-reason.ts";
import { PART_PREFIX } from "./entry-path.ts";

/** Something else is in the place of a file. */
export class InTheWay extends Error {}

const { O_CREAT, O_EXCL, O_RDONLY, O_RDWR } = constants;
// Windows has no such flag, and nothing but lstat.
const O_NOFOLLOW = (constants.O_NOFOLLOW as number | undefined) ?? 0;

/**
 * A folder that foreign paths are written below. No link below it is followed: every parent is checked each time, files are written under a
 * name of their own and then renamed. Paths are relative, checked by `refusalOf`, with slashes.
 */
export class LocalFolder {
  /** Absolute, without links. */
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  /** Creates the folder where it is missing; links that lead to it are followed. @throws `KINSYNC_PULL_LOCAL` */
  static async open(path: string): Promise<LocalFolder> {
    try {
      await mkdir(path, { recursive: true });
      return new LocalFolder(await realpath(path));
    } catch (error) {
      throw notWritten(path, error);
    }
  }

  /** @throws {InTheWay} where a file or a link is in the way */
  async makeFolder(path: string): Promise<void> {
    let at = this.root;
    for (const name of path === "" || path === "." ? [] : path.split("/")) {
      at = join(at, name);
      // oxlint-disable-next-line no-await-in-loop -- a folder exists before what is in it
      await makeOne(at);
    }
  }

  /** What is there now, not what a link leads to; `undefined`: nothing. @throws {InTheWay} where a parent is not a folder */
  async stat(path: string): Promise<Stats | undefined> {
    return (await this.#hasParents(path)) ? lstatOf(this.#at(path)) : undefined;
  }

  /** @throws {InTheWay} where something that is not a file is there, or a parent is not a folder */
  async refuseOther(path: string): Promise<void> {
    const there = await this.stat(path);
    if (there?.isFile() === false) throw new InTheWay(nameOf(there));
  }

  /** Opens a file to read it. `undefined` where it is not a regular file. */
  async read(path: string): Promise<FileHandle | undefined> {
    return (await this.#hasParents(path)) ? opened(this.#at(path), O_RDONLY) : undefined;
  }

  /** Opens what an earlier pull received of a file; `undefined`: nothing. */
  async openPart(path: string): Promise<FileHandle | undefined> {
    return (await this.#hasParents(path)) ? opened(this.#part(path), O_RDWR) : undefined;
  }

  /** A new empty file that `finish` gives its name. What an earlier pull received is dropped. */
  async createPart(path: string): Promise<FileHandle> {
    await this.makeFolder(parentOf(path));
    await this.dropPart(path);
    return open(this.#part(path), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o666);
  }

  async dropPart(path: string): Promise<void> {
    if (!(await this.#hasParents(path))) return;
    await unlink(this.#part(path)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
  }

  /** Gives a received file its name. @throws {InTheWay} */
  async finish(path: string, { overwrite }: { readonly overwrite: boolean }): Promise<void> {
    await this.makeFolder(parentOf(path));
    const there = await this.stat(path);
    if (there !== undefined && !(overwrite && there.isFile())) throw new InTheWay(nameOf(there));
    await rename(this.#part(path), this.#at(path));
  }

  /** Returns false where exactly this link exists. @throws {InTheWay} */
  async link(path: string, target: string): Promise<boolean> {
    await this.makeFolder(parentOf(path));
    const at = this.#at(path);
    const there = await lstatOf(at);
    if (there?.isSymbolicLink() === true && (await readlink(at)) === target) return false;
    if (there !== undefined) throw new InTheWay(nameOf(there));
    await symlink(target, at);
    return true;
  }

  /** True if a link with this target leads to something inside the folder, as far as it leads to something. */
  async leadsInside(path: string, target: string): Promise<boolean> {
    let at = resolve(dirname(this.#at(path)), target);
    for (;;) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- from the target up, to what exists
        return this.#isInside(await realpath(at));
      } catch {
        if (!this.#isInside(at)) return false;
        at = dirname(at);
      }
    }
  }

  async unlink(path: string): Promise<void> {
    await unlink(this.#at(path));
  }

  /** False where one is missing. */
  async #hasParents(path: string): Promise<boolean> {
    const names = path.split("/").slice(0, -1);
    let at = this.root;
    for (const name of names) {
      at = join(at, name);
      // oxlint-disable-next-line no-await-in-loop -- from the folder down
      const there = await lstatOf(at);
      if (there === undefined) return false;
      if (!there.isDirectory()) throw new InTheWay(nameOf(there));
    }
    return true;
  }

  #isInside(path: string): boolean {
    const way = relative(this.root, path);
    return way === "" || (way !== ".." && !way.startsWith(`..${sep}`) && resolve(this.root, way) === path);
  }

  #at(path: string): string {
    return join(this.root, ...path.split("/"));
  }

  #part(path: string): string {
    const at = this.#at(path);
    return join(dirname(at), PART_PREFIX + createHash("sha256").update(basename(at)).digest("hex").slice(0, 16));
  }
}

/** The error of a folder or file that cannot be written. */
export function notWritten(path: string, error: unknown): KinsyncError {
  const message = `${path} cannot be written: ${systemReason(error)}`;
  return new KinsyncError("KINSYNC_PULL_LOCAL", message, {
    cause: error,
    details: { path, reason: (error as NodeJS.ErrnoException).code },
  });
}

export function parentOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
}

async function makeOne(at: string): Promise<void> {
  const there = await lstatOf(at);
  if (there === undefined) {
    await mkdir(at).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
    if ((await lstatOf(at))?.isDirectory() !== true) throw new InTheWay("something that is not a folder");
  } else if (!there.isDirectory()) throw new InTheWay(nameOf(there));
}

async function lstatOf(at: string): Promise<Stats | undefined> {
  try {
    return await lstat(at);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

async function opened(at: string, flags: number): Promise<FileHandle | undefined> {
  const before = await lstatOf(at);
  if (before?.isFile() !== true) return undefined;
  const handle = await open(at, flags | O_NOFOLLOW);
  const after = await handle.stat();
  // A file with another name outside the folder would be written there, too.
  if (after.ino === before.ino && after.isFile() && (flags === O_RDONLY || after.nlink === 1)) return handle;
  await handle.close();
  return undefined;
}

function nameOf(there: Stats): string {
  if (there.isSymbolicLink()) return "a link";
  if (there.isDirectory()) return "a folder";
  return there.isFile() ? "a file" : "something that is not a file";
}
