import { existsSync, readFileSync, statSync, watch } from "node:fs";
import { dirname, join, resolve } from "node:path";

/** Reports whether git is changing the files: it holds `index.lock` while it switches branches. */
export interface GitLock extends Disposable {
  /** Git took the lock a moment ago and did not release it yet. */
  readonly isHeld: boolean;
}

/** An older lock was left behind by a git process that was killed. */
const STALE_MS = 10_000;
const LOCK_FILE = "index.lock";

/**
 * @param from absolute path in a work tree, or anywhere else
 * @param onReleased git released the lock
 * @returns `undefined` if there is no repository, or if it cannot be watched
 */
export function watchGitLock(from: string, onReleased: () => void): GitLock | undefined {
  const directory = findGitDirectory(from);
  if (directory === undefined) return undefined;
  const lock = join(directory, LOCK_FILE);
  let takenAt: number | undefined;
  try {
    const watcher = watch(directory, { persistent: false }, (_, name) => {
      if (name !== LOCK_FILE) return;
      if (existsSync(lock)) {
        takenAt ??= performance.now();
      } else {
        takenAt = undefined;
        onReleased();
      }
    });
    // Watching works without the lock, only with more scans.
    watcher.on("error", () => watcher.close());
    return {
      get isHeld(): boolean {
        return takenAt !== undefined && performance.now() - takenAt < STALE_MS;
      },
      [Symbol.dispose]: () => watcher.close(),
    };
  } catch {
    return undefined;
  }
}

/** The `.git` folder of the work tree that contains a path. */
export function findGitDirectory(from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, ".git");
    try {
      if (statSync(candidate).isDirectory()) return candidate;
      // In a linked work tree and in a submodule, `.git` is a file with the path of the folder.
      const link = /^gitdir: (.+)$/m.exec(readFileSync(candidate, "utf8"))?.[1];
      if (link !== undefined) return resolve(folder, link.trim());
    } catch {
      // Not in this folder.
    }
    if (dirname(folder) === folder) return undefined;
  }
}
