import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { SourceState } from "../../src/local/source.ts";
import { Scanner } from "../../src/local/scan/scanner.ts";
import { createSource } from "../../src/local/watcher.ts";
import { apply, applyAll, change, START } from "./support/changes.ts";
import { freshScan, listing, specOf, tempFolder, write } from "./support/fixture.ts";

const changes = fc.array(change, { minLength: 1, maxLength: 25 });
const spec = (root: string) => specOf(root, { ignore: ["out"], ignoreFiles: [".gitignore"] });

test("after any changes the watched tree equals that of a fresh scan", { timeout: 120_000 }, async () => {
  const folder = await tempFolder();
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(changes, async (all) => {
      const root = join(folder, `r${runs++}`);
      await write(root, START);
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
        // Only events: no regular full scan.
        { heartbeatMs: 600_000 },
      );
      await source.ready;
      for (const one of all) await apply(root, one);
      const fresh = listing(await freshScan(spec(root)));
      const isFresh = (): boolean => JSON.stringify(listing(current)) === JSON.stringify(fresh);
      const end = performance.now() + 5_000;
      while (!isFresh() && performance.now() < end) {
        await Promise.race([new Promise<void>((resolve) => (wake = resolve)), delay(100)]);
      }
      expect(listing(current)).toEqual(fresh);
    }),
    { numRuns: 60 },
  );
});

test("a scan of the changed paths gives the tree of a fresh scan", { timeout: 60_000 }, async () => {
  const folder = await tempFolder();
  const signal = AbortSignal.timeout(60_000);
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(changes, { maxLength: 4 }), async (rounds) => {
      const root = join(folder, `r${runs++}`);
      await write(root, START);
      const scanner = new Scanner(spec(root));
      await scanner.scan(signal);
      for (const round of rounds) {
        const state = await scanner.refresh(await applyAll(root, round), signal);
        expect(listing(state)).toEqual(listing(await freshScan(spec(root))));
      }
    }),
    { numRuns: 300 },
  );
});

/** The digest of a tree, or the name of another state. */
function digestOf(state: SourceState): string {
  return state.state === "present" ? state.tree.digest : state.state;
}

test("the digest of the tree does not depend on the order or grouping of the events", { timeout: 60_000 }, async () => {
  const folder = await tempFolder();
  const signal = AbortSignal.timeout(60_000);
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(changes, fc.infiniteStream(fc.nat()), fc.nat({ max: 3 }), async (all, random, groupSize) => {
      const root = join(folder, `r${runs++}`);
      await write(root, START);
      const inOrder = new Scanner(spec(root));
      const shuffled = new Scanner(spec(root));
      for (const scanner of [inOrder, shuffled]) await scanner.scan(signal);
      const touched = await applyAll(root, all);
      const keyed = [...touched, ...touched].map((path) => ({ path, key: random.next().value }));
      const mixed = keyed.sort((a, b) => a.key - b.key).map(({ path }) => path);
      // Events may come alone, in groups and twice.
      const size = groupSize === 0 ? mixed.length : groupSize;
      let last = await shuffled.refresh([], signal);
      for (let from = 0; from < mixed.length; from += size) {
        last = await shuffled.refresh(mixed.slice(from, from + size), signal);
      }
      const expected = digestOf(await freshScan(spec(root)));
      expect(digestOf(await inOrder.refresh(touched, signal))).toBe(expected);
      expect(digestOf(last)).toBe(expected);
    }),
    { numRuns: 200 },
  );
});
