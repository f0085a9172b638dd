import { expect, test } from "vitest";
import type { Pod } from "../../src/contract/resource.ts";
import { SelectionCounts } from "../../src/engine/selection-counts.ts";
import type { Member } from "../../src/resolve/resolution.ts";
import { selectFromMember, type MemberSelection } from "../../src/resolve/select/eligible.ts";
import { mapping } from "../support/mapping.ts";

const MAPPING = mapping("src", { roles: ["haed"], indexes: ["x"] });

function member(at: number, role = "head"): MemberSelection {
  const pod: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: `p-${at}`, namespace: "ml", uid: `uid-${at}` },
    spec: { containers: [{ name: "main" }] },
  };
  const one: Member = {
    pod,
    uid: `uid-${at}`,
    name: `p-${at}`,
    namespace: "ml",
    state: "current",
    unsettled: false,
    role,
    index: String(at),
    labels: {},
    reason: { code: "owned", message: "owned" },
    by: "owner",
    owners: [],
    containers: [],
    defaultContainer: "main",
  };
  return selectFromMember(one, [MAPPING], undefined);
}

test("filters that fit no member are reported until one fits, with the names that exist", () => {
  const counts = new SelectionCounts([MAPPING], () => []);
  expect(counts.unmatched({ names: [], isComplete: false })).toEqual([]);
  counts.add(member(0));
  expect(counts.unmatched({ names: [], isComplete: false }).map(({ code }) => code)).toEqual([
    "KINSYNC_RESOLVE_ROLE",
    "KINSYNC_RESOLVE_INDEX",
  ]);
  expect(counts.unmatched({ names: [], isComplete: false })[0]?.error()).toMatchObject({
    hint: "Did you mean head?",
    details: { known: ["head"] },
  });
  expect(counts.unmatched({ names: ["haed"], isComplete: false }).map(({ code }) => code)).toEqual([
    "KINSYNC_RESOLVE_INDEX",
  ]);
  const fitting = member(1, "haed");
  counts.add(fitting);
  expect(counts.unmatched({ names: [], isComplete: false }).map(({ code }) => code)).toEqual(["KINSYNC_RESOLVE_INDEX"]);
  counts.remove(fitting);
  expect(counts.unmatched({ names: [], isComplete: false })).toHaveLength(2);
});

test("finding filters that fit no member costs the same for one member and for 10,000", () => {
  const costOf = (members: number): number => {
    const counts = new SelectionCounts([MAPPING], () => []);
    for (let at = 0; at < members; at += 1) counts.add(member(at));
    const times = Array.from({ length: 50 }, () => {
      const from = performance.now();
      for (let turn = 0; turn < 20; turn += 1) counts.unmatched({ names: [], isComplete: false });
      return performance.now() - from;
    });
    return Math.min(...times);
  };
  const one = costOf(1);
  expect(costOf(10_000)).toBeLessThan(20 * one + 1);
});

test("the error of an index that no member has names those that exist", () => {
  const selected = [member(0), member(1)];
  const counts = new SelectionCounts([MAPPING], () => selected.map((each) => each.member));
  for (const each of selected) counts.add(each);
  const error = counts.unmatched({ names: ["haed"], isComplete: false })[0]?.error();
  expect(error?.message).toBe(`${MAPPING.id}: no member has the index x; known indexes: 0, 1`);
  expect(error).toMatchObject({ details: { known: ["0", "1"] } });
});
