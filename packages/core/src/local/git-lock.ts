import { existsSync, readFileSync, statSync, watch } from "node:fs";
import { dirname, join, resolve } from "node:path";

/** Watches whether git is at work on the files: it holds `index.lock` while it switches branches. */
export interface GitLock extends Disposable {
  /** Git took the lock a moment ago and has it still. */
  readonly isHeld: boolean;
}

/** A lock that is older was left behind by a git that was killed. */
const STALE = 10_000;
const LOCK = "index.lock";

/**
 * @param from absolute path in a work tree, or anywhere else
 * @param onReleased git let go of the lock
 * @returns `undefined` where there is no repository, or none that could be watched
 */
export function watchGitLock(from: string, onReleased: () => void): GitLock | undefined {
  const directory = findGitDirectory(from);
  if (directory === undefined) return undefined;
  const lock = join(directory, LOCK);
  let takenAt: number | undefined;
  try {
    const watcher = watch(directory, { persistent: false }, (_, name) => {
      if (name !== LOCK) return;
      if (existsSync(lock)) {
        takenAt ??= performance.now();
      } else {
        takenAt = undefined;
        onReleased();
      }
    });
    // The rest of the watching does not hang on it.
    watcher.on("error", () => watcher.close());
    return {
      get isHeld(): boolean {
        return takenAt !== undefined && performance.now() - takenAt < STALE;
      },
      [Symbol.dispose]: () => watcher.close(),
    };
  } catch {
    return undefined;
  }
}

/** The repository's own folder for the work tree that holds a path. */
export function findGitDirectory(from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, ".git");
    try {
      if (statSync(candidate).isDirectory()) return candidate;
      // In a linked work tree and in a submodule it is a file that names the folder.
      const link = /^gitdir: (.+)$/m.exec(readFileSync(candidate, "utf8"))?.[1];
      if (link !== undefined) return resolve(folder, link.trim());
    } catch {
      // Not here: further up.
    }
    if (dirname(folder) === folder) return undefined;
  }
}
