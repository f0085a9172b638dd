import { expect, test } from "vitest";
import fc from "fast-check";
import { ActionRound, type Participant, type ParticipantState } from "../../../src/engine/actions/action-round.ts";
import { restartAction, type ResolvedAction } from "../../../src/mapping/action.ts";
import { stepCount } from "../../../src/sync/actions/steps.ts";

const RUN: ResolvedAction = { when: ["**"], command: "x", timeout: 1_000 };
const ORDER = ["worker", "head"];

interface Member extends Participant {
  snapshot: number;
}

const memberOf = (name: string, role: string): Member => ({ name, role, index: "0", snapshot: 0 });

/** What happens to a member, and in which phase. */
const FATES = [
  "fine",
  "never-lands",
  "needs-user",
  "not-due",
  "ends-landing",
  "fails-0",
  "ends-0",
  "fails-1",
  "ends-1",
] as const;

test("whoever fails or disappears in whichever phase, every other member ends, and those that are not ready are named", () => {
  const member = fc.record({ role: fc.constantFrom("worker", "head", "other"), fate: fc.constantFrom(...FATES) });
  const actions = fc.constantFrom<ResolvedAction>(
    { ...RUN, order: ORDER },
    { ...RUN, order: ORDER, onFailure: "hold" },
    { ...RUN, on: "one" },
    restartAction({}),
    restartAction({ order: ORDER }),
    restartAction({ order: ORDER, onFailure: "hold" }),
  );
  fc.assert(
    fc.property(
      actions,
      fc.array(member, { minLength: 1, maxLength: 7 }),
      fc.infiniteStream(fc.nat()),
      (action, specs, choices) => {
        const fates = new Map(specs.map(({ role, fate }, at) => [memberOf(`m${at}`, role), fate]));
        const states = new Map(
          [...fates.keys()].map((each): [Member, ParticipantState] => [each, { landed: 0, isOut: false }]),
        );
        const round = new ActionRound<Member>(action, states);
        round.touched(1);
        const startedBefore: Member[] = [];
        const stoppingAtStart: unknown[] = [];
        const running = new Map<Member, number>();
        const at = new Map<Member, number>();
        const remove = (each: Member): void => {
          states.delete(each);
          round.remove(each);
          running.delete(each);
          at.delete(each);
        };
        const land = (each: Member, fate: string): void => {
          if (fate === "never-lands") return;
          if (fate === "ends-landing") return remove(each);
          const state = states.get(each) as ParticipantState;
          if (fate === "needs-user") {
            state.isOut = true;
            return;
          }
          each.snapshot = 1;
          state.landed = 1;
          if (fate === "not-due") return;
          round.queue(each);
          round.wait(each, 0);
          at.set(each, 0);
        };
        const toLand = [...fates];
        let late: readonly Member[] = [];
        for (let turn = 0; turn < 200; turn += 1) {
          const options: (() => void)[] = toLand.map(([each, fate], index) => () => {
            toLand.splice(index, 1);
            land(each, fate);
          });
          for (const [each, step] of running) {
            options.push(() => {
              const fate = fates.get(each);
              running.delete(each);
              if (fate === `ends-${step}`) return remove(each);
              if (fate === `fails-${step}`) {
                at.delete(each);
                round.leave(each, "failed");
              } else if (step + 1 < stepCount(action)) {
                at.set(each, step + 1);
                round.wait(each, step + 1);
              } else {
                at.delete(each);
                round.leave(each, "succeeded");
              }
            });
          }
          if (options.length === 0) {
            if (!round.isWaiting) break;
            const laggards = round.laggards();
            // Time passes: those that are not ready are named, and the others go on.
            if (laggards.length > 0) late = [...late, ...laggards];
            for (const each of laggards) (states.get(each) as ParticipantState).isOut = true;
          } else (options[(choices.next().value as number) % options.length] as () => void)();
          for (const { target, answer } of round.next()) {
            const step = at.get(target) ?? 0;
            if (answer === "run") {
              if (step === 1) {
                startedBefore.push(target);
                stoppingAtStart.push(...[...running].filter(([, each]) => each === 0));
              }
              running.set(target, step);
            } else {
              at.delete(target);
              round.leave(target, answer === "done" ? "succeeded" : "skipped");
            }
          }
        }
        expect(stoppingAtStart, "nobody starts while somebody stops").toEqual([]);
        expect(round.isWaiting, "nobody waits for ever").toBe(false);
        expect([...running], "nothing runs for ever").toEqual([]);
        const named = new Set(late.map(({ name }) => name));
        for (const name of named)
          expect(fates.get([...fates.keys()].find((each) => each.name === name) as Member)).toBe("never-lands");
        if (action.on === "one") return;
        const isHolding = action.onFailure === "hold";
        const mustStart = [...fates].filter(([, fate]) => fate === "fine" && stepCount(action) === 2 && !isHolding);
        expect(startedBefore).toEqual(expect.arrayContaining(mustStart.map(([each]) => each)));
      },
    ),
    { numRuns: 2_000 },
  );
});
