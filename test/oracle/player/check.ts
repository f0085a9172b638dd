import fc from "fast-check";
import type { KindPlugin } from "@kinsync/core/contract";
import type { Oracle } from "./oracle.ts";
import { Player } from "./player.ts";
import { historiesOf, type Step } from "./steps.ts";

/** As in the histories of the engine: `npm run test:long` plays new ones. */
export const HISTORIES = Number(process.env["KINSYNC_HISTORIES"] ?? 200);
const SEED = process.env["KINSYNC_HISTORIES"] === undefined ? { seed: 1 } : {};

/** Plays random histories of one kind. A failure prints its seed and the shortest history that was found, as a line for `fixtures/`. */
export function assertHistories(oracle: Oracle, count = HISTORIES): void {
  fc.assert(
    fc.property(historiesOf(oracle), (steps) => {
      new Player(oracle).play(steps);
    }),
    { numRuns: count, ...SEED },
  );
}

/** True if some history refutes the kind. */
export function isRefuted(oracle: Oracle, kind: KindPlugin, count: number): boolean {
  const { failed } = fc.check(
    fc.property(historiesOf(oracle), (steps) => {
      new Player(oracle, kind).play(steps);
    }),
    { numRuns: count, endOnFailure: true, seed: 1 },
  );
  return failed;
}

/** Plays one history. */
export function playHistory(oracle: Oracle, steps: readonly Step[]): void {
  new Player(oracle).play(steps);
}
