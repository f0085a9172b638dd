import { appendFile, chmod, mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";

/** Names that often meet. Rules of the tests ignore `out`; `.gitignore` files may ignore more. */
const name = fc.constantFrom("a", "b", "c", "out", "x.log");
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join("/"));

/** What happens, the path, and an argument. */
export const change = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant("write" as const), path, fc.constantFrom("1", "2", "3")) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("append" as const), path, fc.constant("+")) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("mkdir" as const), path, fc.constant("")) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("remove" as const), path, fc.constant("")) },
  { weight: 3, arbitrary: fc.tuple(fc.constant("move" as const), path, path) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constant("link" as const), path, fc.constantFrom("a", "b/c", ".", "nowhere/at/all")),
  },
  { weight: 1, arbitrary: fc.tuple(fc.constant("chmod" as const), path, fc.constantFrom("755", "600")) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constant("rules" as const), path, fc.constantFrom("*.log", "b/", "!x.log", "/a", "")),
  },
  { weight: 2, arbitrary: fc.tuple(fc.constant("pause" as const), path, fc.constantFrom("0", "3", "12", "30")) },
);
export type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

/** Files before the first change, for `write`. */
export const START = { keep: "", "a/b/c": "1", "a/x.log": "2", "b/out/a": "3", "c/a": "4" };

/** Makes a change if it is possible. */
export async function apply(root: string, [what, at, argument]: Change): Promise<void> {
  const absolute = join(root, at);
  const work = async (): Promise<void> => {
    switch (what) {
      case "write":
        await mkdir(dirname(absolute), { recursive: true });
        return writeFile(absolute, argument);
      case "append":
        return appendFile(absolute, argument);
      case "mkdir":
        await mkdir(absolute, { recursive: true });
        return;
      case "remove":
        return rm(absolute, { recursive: true, force: true });
      case "move":
        await mkdir(dirname(join(root, argument)), { recursive: true });
        return rename(absolute, join(root, argument));
      case "link":
        return symlink(argument, absolute);
      case "chmod":
        return chmod(absolute, Number.parseInt(argument, 8) | 0o700);
      case "rules":
        return writeFile(join(dirname(absolute), ".gitignore"), argument);
      case "pause":
        await delay(Number(argument));
    }
  };
  await work().catch(() => undefined);
}

/**
 * Makes changes as the scanner sees them without a pause.
 * @returns paths that a file watcher would report. Folders created above a path are not among them.
 */
export async function applyAll(root: string, changes: readonly Change[]): Promise<string[]> {
  const touched: string[] = [];
  for (const one of changes) {
    if (one[0] === "pause") continue;
    // A watcher reports a change through a link under its real path, so these links lead nowhere.
    await apply(root, one[0] === "link" ? ["link", one[1], "nowhere/at/all"] : one);
    touched.push(one[1], ...(one[0] === "move" ? [one[2]] : []));
    if (one[0] === "rules") touched.push(join(dirname(one[1]), ".gitignore"));
  }
  return touched;
}
