import fc from "fast-check";
import { afterEach, beforeEach, test, vi } from "vitest";
import { useVirtualClock } from "../support/environment.ts";
import { aGangHistory, aPolicy, playToTheEnd } from "./support/gang-histories.ts";

/** A quarter of those of small roots: each takes as long. */
const HISTORIES = Math.ceil(Number(process.env["KINSYNC_HISTORIES"] ?? 200) / 4);
const SEED = process.env["KINSYNC_HISTORIES"] === undefined ? { seed: 1 } : {};
/** Files of a history have one byte and more. */
const LARGE_BYTES = 2;

vi.mock(import("../../../src/sync/target/large-roots.ts"), async (importOriginal) => {
  const { largeRoots } = await importOriginal();
  return { largeRoots: (roots) => largeRoots(roots, LARGE_BYTES) };
});

beforeEach(useVirtualClock);
afterEach(() => {
  vi.useRealTimers();
});

test("after any history of a gang with large roots no target shows bytes that were not released", async () => {
  await fc.assert(fc.asyncProperty(aPolicy, aGangHistory, playToTheEnd), { numRuns: HISTORIES, ...SEED });
}, 3_600_000);
