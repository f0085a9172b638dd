import fc from "fast-check";
import { expect, test } from "vitest";
import type { Member, MemberChange } from "../../../src/resolve/resolution.ts";
import { MemberList } from "../../../src/resolve/members/member-list.ts";
import { compareMembers } from "../../../src/resolve/members/member-order.ts";

function member(uid: string, index: number): Member {
  return { uid, name: `pod-${uid}`, role: "worker", index: String(index) } as Member;
}

/** Applies a member's next state, as `Members` does: `undefined` takes the member out. */
function change(list: MemberList, known: Map<string, Member>, uid: string, after: Member | undefined): void {
  const changes: MemberChange[] = [{ uid, before: known.get(uid), after }];
  if (after === undefined) known.delete(uid);
  else known.set(uid, after);
  list.apply(changes);
}

test("a snapshot holds the sorted members of its moment, whenever it is read", () => {
  const step = fc.record({
    uid: fc.nat(5).map(String),
    index: fc.option(fc.nat(20), { nil: undefined }),
    read: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const list = new MemberList();
      const known = new Map<string, Member>();
      const late: (() => void)[] = [];
      for (const { uid, index, read } of steps) {
        if (index === undefined && !known.has(uid)) continue;
        change(list, known, uid, index === undefined ? undefined : member(uid, index));
        const snapshot = list.snapshot();
        const expected = [...known.values()].sort(compareMembers);
        expect(snapshot.count).toBe(expected.length);
        const check = (): void => expect(snapshot.members).toEqual(expected);
        if (read) check();
        late.push(check);
      }
      for (const check of late) check();
    }),
  );
});

test("every snapshot is correct after more changes than the journal keeps", () => {
  const list = new MemberList();
  const known = new Map<string, Member>();
  const first = list.snapshot();
  for (let at = 0; at < 5_000; at += 1) change(list, known, String(at % 500), member(String(at % 500), at));
  const middle = list.snapshot();
  const expected = [...known.values()].sort(compareMembers);
  for (let at = 0; at < 5_000; at += 1) change(list, known, String(at % 700), member(String(at % 700), -at));
  expect(first.members).toEqual([]);
  expect(middle.members).toEqual(expected);
  expect(list.snapshot().members).toEqual([...known.values()].sort(compareMembers));
});

test("one member's change compares no members until the list is read", () => {
  let comparisons = 0;
  const counted = (uid: string): Member => {
    const one = member(uid, Number(uid));
    return Object.defineProperty({ ...one }, "role", {
      get: () => {
        comparisons += 1;
        return one.role;
      },
    });
  };
  const list = new MemberList();
  const known = new Map<string, Member>();
  list.apply(
    Array.from({ length: 10_000 }, (_, at) => ({ uid: String(at), before: undefined, after: counted(String(at)) })),
  );
  expect(list.snapshot().members).toHaveLength(10_000);
  known.set("7", list.snapshot().members[7] as Member);
  comparisons = 0;
  change(list, known, "7", counted("7"));
  const snapshot = list.snapshot();
  expect(comparisons).toBe(0);
  expect(snapshot.members[7]).toBe(known.get("7"));
  expect(comparisons).toBeLessThan(100);
});
