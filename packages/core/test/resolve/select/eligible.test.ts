import { expect, test } from "vitest";
import { containersOf } from "../../../src/resolve/select/containers.ts";
import { selectFromMember } from "../../../src/resolve/select/eligible.ts";
import type { Member } from "../../../src/resolve/resolution.ts";
import { mapping } from "../../support/mapping.ts";
import { pod } from "../../support/objects.ts";

function member(parts: Partial<Member>): Member {
  const one = pod("p", { spec: { containers: [{ name: "main", image: "image" }] } });
  return {
    pod: one,
    uid: one.metadata.uid,
    name: "p",
    namespace: "ml",
    state: "current",
    unsettled: false,
    role: undefined,
    index: undefined,
    labels: {},
    reason: { code: "c", message: "m" },
    by: "owner",
    owners: [],
    containers: containersOf(one),
    defaultContainer: "main",
    ...parts,
  };
}

const isSelected = (of: Member, filter: Parameters<typeof mapping>[1]): boolean =>
  selectFromMember(of, [mapping("m", filter)], undefined).containers.length === 1;

test.each<[string, Member["labels"], Record<string, readonly string[]>, boolean]>([
  ["without labels, every member is selected", {}, {}, true],
  ["a member with the label and the value is selected", { side: "active", zone: "a" }, { side: ["active"] }, true],
  ["one of several values suffices", { side: "preview" }, { side: ["active", "preview"] }, true],
  ["another value is not selected", { side: "retired" }, { side: ["active", "preview"] }, false],
  ["a member without the label is not selected", { zone: "active" }, { side: ["active"] }, false],
  ["every label counts", { side: "active", zone: "b" }, { side: ["active"], zone: ["a"] }, false],
  ["properties that every object has are no labels", {}, { constructor: ["Object"] }, false],
])("%s", (_, labels, wanted, expected) => {
  expect(isSelected(member({ labels }), { labels: wanted })).toBe(expected);
});

test.each<[string, Partial<Member>, boolean]>([
  ["state, role, index and labels that all match select a member", {}, true],
  ["another state excludes it", { state: "superseded" }, false],
  ["another role excludes it", { role: "worker" }, false],
  ["another index excludes it", { index: "1" }, false],
  ["another label excludes it", { labels: { side: "preview" } }, false],
])("%s", (_, parts, expected) => {
  const filter = { states: ["current"], roles: ["head"], indexes: ["0"], labels: { side: ["active"] } } as const;
  const matching = { role: "head", index: "0", labels: { side: "active" } };
  expect(isSelected(member({ ...matching, ...parts }), filter)).toBe(expected);
});
