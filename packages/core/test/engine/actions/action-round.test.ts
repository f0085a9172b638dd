import { describe, expect, test } from "vitest";
import { ActionRound, type Participant, type ParticipantState } from "../../../src/engine/actions/action-round.ts";
import { restartAction, type ResolvedAction } from "../../../src/mapping/action.ts";

const RUN: ResolvedAction = { when: ["**"], command: "x", timeout: 1_000 };
const ORDER = ["worker", "head"];

interface Member extends Participant {
  snapshot: number;
}

const memberOf = (name: string, role: string): Member => ({ name, role, index: "0", snapshot: 0 });

/** Drives one round by hand. */
class Scene {
  readonly states = new Map<Member, ParticipantState>();
  readonly round: ActionRound<Member>;
  readonly members: readonly Member[];
  /** What began, in order: `name/step`. */
  readonly begun: string[] = [];
  readonly answers = new Map<string, string>();

  constructor(action: ResolvedAction, members: readonly Member[]) {
    this.members = members;
    for (const member of members) this.states.set(member, { landed: 0, isOut: false });
    this.round = new ActionRound(action, this.states);
    this.round.touched(1);
  }

  land(member: Member, isDue = true): void {
    member.snapshot = 1;
    if (isDue) this.round.queue(member);
    const state = this.states.get(member);
    if (state !== undefined) state.landed = 1;
    if (isDue) this.wait(member, 0);
  }

  wait(member: Member, step: number): void {
    this.round.wait(member, step);
    this.decide(step);
  }

  decide(step: number): void {
    for (const { target, answer } of this.round.next()) {
      this.answers.set(target.name, answer);
      if (answer === "run") this.begun.push(`${target.name}/${step}`);
    }
  }
}

describe("roles one after the other", () => {
  const action = { ...RUN, order: ORDER };
  const scene = (more: Partial<ResolvedAction> = {}) => {
    const members = [memberOf("h", "head"), memberOf("w0", "worker"), memberOf("w1", "worker")] as const;
    return { members, scene: new Scene({ ...action, ...more }, members) };
  };

  test("the head waits for workers that do not hold the files yet, and workers do not wait for each other", () => {
    const {
      scene: round,
      members: [head, w0, w1],
    } = scene();
    round.land(head);
    expect(round.begun).toEqual([]);
    round.land(w0);
    expect(round.begun).toEqual(["w0/0"]);
    round.round.leave(w0, "succeeded");
    round.decide(0);
    expect(round.begun).toEqual(["w0/0"]);
    round.land(w1);
    round.round.leave(w1, "failed");
    round.decide(0);
    expect(round.begun).toEqual(["w0/0", "w1/0", "h/0"]);
  });

  test("a failure that holds keeps the head from running; another success of the worker lets it", () => {
    const {
      scene: round,
      members: [head, w0, w1],
    } = scene({ onFailure: "hold" });
    for (const each of [head, w0, w1]) round.land(each);
    round.round.leave(w0, "failed");
    round.round.leave(w1, "succeeded");
    round.decide(0);
    expect(round.answers.get("h")).toBe("held");
    round.round.leave(head, "skipped");
    for (const each of [w0, head]) {
      round.round.queue(each);
      round.wait(each, 0);
    }
    round.round.leave(w0, "succeeded");
    round.decide(0);
    expect(round.begun).toEqual(["w0/0", "w1/0", "w0/0", "h/0"]);
  });

  test("a worker for which nothing changed, that needs the user, or that ended, keeps nobody waiting", () => {
    const {
      scene: round,
      members: [head, w0, w1],
    } = scene();
    round.land(head);
    round.land(w0, false);
    (round.states.get(w1) as ParticipantState).isOut = true;
    round.decide(0);
    expect(round.begun).toEqual(["h/0"]);
  });
});

describe("any one member", () => {
  const scene = () => {
    const members = [memberOf("a", "x"), memberOf("b", "x"), memberOf("c", "x")] as const;
    return { members, round: new Scene({ ...RUN, on: "one" }, members) };
  };

  test("the first that is ready runs it, and the others have it as done, also one that comes later", () => {
    const {
      round,
      members: [a, b, c],
    } = scene();
    round.land(b);
    round.land(a);
    expect(round.begun).toEqual(["b/0"]);
    round.round.leave(b, "succeeded");
    round.decide(0);
    round.round.leave(a, "succeeded");
    round.land(c);
    expect([round.answers.get("a"), round.answers.get("c"), round.begun]).toEqual(["done", "done", ["b/0"]]);
  });

  test("another one runs it where the first ended meanwhile; after a failure it stays owed", () => {
    const {
      round,
      members: [a, b, c],
    } = scene();
    round.land(a);
    round.land(b);
    round.states.delete(a);
    round.round.remove(a);
    round.decide(0);
    expect(round.begun).toEqual(["a/0", "b/0"]);
    round.round.leave(b, "failed");
    round.land(c);
    expect(round.answers.get("c")).toBe("held");
  });
});

describe("stop all, start all", () => {
  test("nobody stops before all hold the files, and nobody starts before all have stopped; then by role", () => {
    const members = [memberOf("h", "head"), memberOf("w0", "worker"), memberOf("w1", "worker")] as const;
    const [head, w0, w1] = members;
    const round = new Scene(restartAction({ order: ORDER }), members);
    round.land(head);
    round.land(w0);
    expect(round.begun).toEqual([]);
    round.land(w1);
    expect(round.begun.toSorted()).toEqual(["h/0", "w0/0", "w1/0"]);
    round.wait(head, 1);
    round.wait(w0, 1);
    expect(round.begun).toHaveLength(3);
    round.wait(w1, 1);
    expect(round.begun.slice(3).toSorted()).toEqual(["w0/1", "w1/1"]);
    round.round.leave(w0, "succeeded");
    round.round.leave(w1, "failed");
    round.decide(1);
    expect(round.begun.at(-1)).toBe("h/1");
  });

  test("files of a newer snapshot do not let a member stop again before the others have started", () => {
    const members = [memberOf("a", "x"), memberOf("b", "x")] as const;
    const [a, b] = members;
    const round = new Scene(restartAction({}), members);
    round.land(a);
    round.land(b);
    round.wait(a, 1);
    round.round.touched(2);
    a.snapshot = 2;
    round.round.queue(a);
    (round.states.get(a) as ParticipantState).landed = 2;
    round.decide(1);
    expect(round.begun).toEqual(["a/0", "b/0"]);
    round.wait(b, 1);
    expect(round.begun.slice(2)).toEqual(["a/1", "b/1"]);
    round.round.leave(a, "succeeded");
    round.wait(a, 0);
    expect(round.begun).toHaveLength(4);
    round.round.leave(b, "succeeded");
    b.snapshot = 2;
    round.round.queue(b);
    (round.states.get(b) as ParticipantState).landed = 2;
    round.wait(b, 0);
    expect(round.begun.slice(4)).toEqual(["a/0", "b/0"]);
  });
});
