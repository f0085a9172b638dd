import fc from "fast-check";
import { Store } from "../cluster/store.ts";
import type { Oracle } from "./oracle.ts";

/** One step of a history. The name alone says what is done; the number chooses to what, and how much of it. */
export interface Step {
  readonly do: string;
  readonly choice: number;
}

/** How often a step of each name comes, against one of each deed of a user. */
const WEIGHTS: Readonly<Record<string, number>> = {
  work: 10,
  deliver: 9,
  round: 3,
  relist: 2,
  pod: 5,
  rest: 1,
  crash: 1,
  time: 1,
  stranger: 1,
};
const MAX_CHOICE = 2 ** 16 - 1;
const MIN_STEPS = 8;
const MAX_STEPS = 50;

/** Histories of one kind: any deeds of users, and any order of what controllers, nodes and watches do. */
export function historiesOf(oracle: Oracle): fc.Arbitrary<readonly Step[]> {
  const deeds = Object.keys(oracle.start(new Store()).deeds);
  const names = [
    ...deeds.map((name) => ({ weight: Math.max(1, Math.round(12 / deeds.length)), arbitrary: fc.constant(name) })),
    ...Object.entries(WEIGHTS).map(([name, weight]) => ({ weight, arbitrary: fc.constant(name) })),
  ];
  return fc.array(fc.record({ do: fc.oneof(...names), choice: fc.noBias(fc.nat(MAX_CHOICE)) }), {
    minLength: MIN_STEPS,
    maxLength: MAX_STEPS,
    size: "max",
  });
}
