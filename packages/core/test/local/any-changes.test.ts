import { appendFile, chmod, mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Scanner } from "../../src/local/scanner.ts";
import { createSource } from "../../src/local/watcher.ts";
import type { SourceState } from "../../src/local/source.ts";
import { freshScan, listing, specOf, tempFolder, write } from "./support/fixture.ts";

/** Names that meet often; `out` is ignored, and some are taken by files that hold rules. */
const name = fc.constantFrom("a", "b", "c", "out", "x.log");
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join("/"));
const change = fc.oneof(
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
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

/** Does it, where it can be done. */
async function apply(root: string, [what, at, argument]: Change): Promise<void> {
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

const start = { keep: "", "a/b/c": "1", "a/x.log": "2", "b/out/a": "3", "c/a": "4" };
const changes = fc.array(change, { minLength: 1, maxLength: 25 });
const spec = (root: string) => specOf(root, { ignore: ["out"], ignoreFiles: [".gitignore"] });

test("any changes end, settled, in the tree that a fresh scan gives", { timeout: 120_000 }, async () => {
  const folder = await tempFolder();
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(changes, async (all) => {
      const root = join(folder, `r${runs++}`);
      await write(root, start);
      let wake = (): void => undefined;
      let current: SourceState | undefined;
      await using source = createSource(
        spec(root),
        {
          signal: AbortSignal.timeout(60_000),
          onState: (state) => {
            current = state;
            wake();
          },
        },
        // Events alone have to do: no regular look helps them out.
        { heartbeatMs: 600_000 },
      );
      await source.ready;
      for (const one of all) await apply(root, one);
      const fresh = listing(await freshScan(spec(root)));
      const isThere = (): boolean => JSON.stringify(listing(current)) === JSON.stringify(fresh);
      const end = performance.now() + 5_000;
      while (!isThere() && performance.now() < end) {
        await Promise.race([new Promise<void>((resolve) => (wake = resolve)), delay(100)]);
      }
      expect(listing(current)).toEqual(fresh);
    }),
    { numRuns: 60 },
  );
});

test("looking at the paths that changed gives what a fresh scan gives", { timeout: 60_000 }, async () => {
  const folder = await tempFolder();
  const signal = AbortSignal.timeout(60_000);
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(changes, { maxLength: 4 }), async (rounds) => {
      const root = join(folder, `r${runs++}`);
      await write(root, start);
      const scanner = new Scanner(spec(root));
      await scanner.scan(signal);
      for (const round of rounds) {
        const touched: string[] = [];
        for (const one of round) {
          if (one[0] === "pause") continue;
          // A change through a link would be told under the path where it happens.
          await apply(root, one[0] === "link" ? ["link", one[1], "nowhere/at/all"] : one);
          // Folders that came into being above are not named: the path below them has to do.
          touched.push(one[1], ...(one[0] === "move" ? [one[2]] : []));
          if (one[0] === "rules") touched.push(join(dirname(one[1]), ".gitignore"));
        }
        const state = await scanner.refresh(touched, signal);
        expect(listing(state)).toEqual(listing(await freshScan(spec(root))));
      }
    }),
    { numRuns: 300 },
  );
});
