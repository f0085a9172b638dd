import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Quorum } from "../../../src/contract/config.ts";
import {
  Barrier,
  decideBarrier,
  neededOf,
  type BarrierConditions,
  type BarrierDecision,
} from "../../../src/engine/gang/barrier.ts";

type Counts = readonly [total: number, prepared: number, failing: number];
type Conditions = Partial<BarrierConditions>;

const LATE: Conditions = { isLate: true };
const NEXT: Conditions = { hasNext: true };
const FOUR: Conditions = { quorum: 4 };
const RESTART: Conditions = { isRestarting: true };

describe("five members", () => {
  test.each<[situation: string, decision: BarrierDecision, counts: Counts, conditions?: Conditions]>([
    ["nobody is prepared yet", "wait", [5, 0, 0]],
    ["one still prepares", "wait", [5, 4, 0]],
    ["all are prepared", "open", [5, 5, 0]],
    ["one fails and one prepares", "wait", [5, 3, 1]],
    ["one fails and the others are prepared", "held", [5, 4, 1]],
    ["all fail", "held", [5, 0, 5]],
    ["the members are not known", "wait", [5, 5, 0], { isResolved: false }],
    ["all are prepared, and one is being restarted", "wait", [5, 5, 0], RESTART],
    ["the quorum is prepared, one fails and one is being restarted", "wait", [5, 4, 1], { ...FOUR, ...RESTART }],
    ["the time is over, all are prepared and one is being restarted", "open", [5, 5, 0], { ...RESTART, ...LATE }],
    ["one fails and one is being restarted", "held", [5, 4, 1], RESTART],
    ["nobody runs", "open", [0, 0, 0]],
    ["nobody is known yet", "wait", [0, 0, 0], { isResolved: false }],
    ["a save waits while all prepare", "wait", [5, 2, 0], NEXT],
    ["a save waits and one fails", "replace", [5, 2, 1], NEXT],
    ["a save waits and all are prepared", "open", [5, 5, 0], NEXT],
    ["the time is over and one prepares", "give-up", [5, 4, 0], LATE],
    ["the time is over and one fails", "give-up", [5, 4, 1], LATE],
    ["the time is over and all are prepared", "open", [5, 5, 0], LATE],
    ["the quorum is prepared and one prepares", "wait", [5, 4, 0], FOUR],
    ["the quorum is prepared and one fails", "open", [5, 4, 1], FOUR],
    ["the quorum cannot be reached", "held", [5, 3, 2], FOUR],
    ["the quorum is prepared when the time is over", "open", [5, 4, 0], { ...FOUR, ...LATE }],
    ["the quorum is not prepared when the time is over", "give-up", [5, 3, 0], { ...FOUR, ...LATE }],
    ["a save waits and the quorum can be reached", "wait", [5, 3, 1], { ...FOUR, ...NEXT }],
    ["a save waits and the quorum cannot be reached", "replace", [5, 2, 2], { ...FOUR, ...NEXT }],
  ])("%s: %s", (_situation, decision, [total, prepared, failing], conditions = {}) => {
    const all = {
      quorum: "all" as const,
      isResolved: true,
      isLate: false,
      hasNext: false,
      isRestarting: false,
      ...conditions,
    };
    expect(decideBarrier({ total, prepared, failing }, all)).toBe(decision);
  });
});

test.each<[quorum: Quorum, total: number, needed: number]>([
  ["all", 5, 5],
  ["all", 0, 0],
  [3, 5, 3],
  [9, 5, 5],
  ["80%", 5, 4],
  ["50%", 5, 3],
  ["1%", 5, 1],
  ["100%", 5, 5],
])("of %s of %i members %i have to be prepared", (quorum, total, needed) => {
  expect(neededOf(quorum, total)).toBe(needed);
});

const aState = fc.constantFrom("preparing" as const, "prepared" as const, "failing" as const);
const aQuorum = fc.oneof(
  fc.constant("all" as const),
  fc.integer({ min: 1, max: 8 }),
  fc.integer({ min: 1, max: 100 }).map((share) => `${share}%` as const),
);

test("the counts are those of the members, after any changes", () => {
  const aChange = fc.record({ member: fc.nat(4), state: fc.option(aState) });
  fc.assert(
    fc.property(fc.array(aChange), (changes) => {
      const barrier = new Barrier<number>();
      const model = new Map<number, string>();
      for (const { member, state } of changes) {
        const isChange = state === null || model.get(member) !== state;
        const isCounted = state === null || barrier.set(member, state);
        if (state === null) {
          barrier.delete(member);
          model.delete(member);
        } else model.set(member, state);
        expect(isCounted).toBe(isChange);
        const count = (wanted: string): number => [...model.values()].filter((each) => each === wanted).length;
        expect(barrier.counts).toEqual({ total: model.size, prepared: count("prepared"), failing: count("failing") });
        expect(barrier.in("prepared")).toHaveLength(count("prepared"));
      }
    }),
  );
});

test("a barrier opens only with its quorum, and it opens when every member is prepared", () => {
  const aSituation = fc.record({
    states: fc.array(aState, { maxLength: 8 }),
    quorum: aQuorum,
    isLate: fc.boolean(),
    hasNext: fc.boolean(),
    isRestarting: fc.boolean(),
  });
  fc.assert(
    fc.property(aSituation, ({ states, quorum, isLate, hasNext, isRestarting }) => {
      const barrier = new Barrier<number>();
      for (const [at, state] of states.entries()) barrier.set(at, state);
      const { counts } = barrier;
      const decision = decideBarrier(counts, { quorum, isResolved: true, isLate, hasNext, isRestarting });
      const needed = neededOf(quorum, counts.total);
      const allowed: Record<BarrierDecision, boolean> = {
        open: counts.prepared >= needed && (isLate || !isRestarting),
        held: !isLate && counts.prepared < needed && counts.prepared + counts.failing === counts.total,
        replace: !isLate && hasNext && counts.total - counts.failing < needed,
        "give-up": isLate && counts.prepared < needed,
        // Nobody waits for members that do nothing.
        wait:
          !isLate && (counts.prepared + counts.failing < counts.total || (isRestarting && counts.prepared >= needed)),
      };
      expect(allowed[decision], decision).toBe(true);
      const isOpen = counts.prepared === counts.total && (isLate || !isRestarting);
      expect(isOpen ? decision : "open").toBe("open");
    }),
    { numRuns: 2_000 },
  );
});
