import { expect, test } from "vitest";
import type { Member } from "../../../src/resolve/resolution.ts";
import { fittingMembers } from "../../../src/resolve/select/fitting-members.ts";

const member = (name: string, state: Member["state"], role?: string, index?: string): Member =>
  ({ name, state, role, index }) as Member;

const MEMBERS = [
  member("old", "kept", "worker", "0"),
  member("head", "current", "head", "0"),
  member("new", "current", "worker", "0"),
  member("last", "current", "worker", "1"),
  member("gone", "superseded", "worker", "0"),
  member("ends", "terminating", "head", "0"),
];
const names = (choice: Parameters<typeof fittingMembers>[1]): readonly string[] =>
  fittingMembers(MEMBERS, choice).map(({ name }) => name);

test("current members come before kept ones, each in the order of the resolution, and others are never meant", () => {
  expect(names({})).toEqual(["head", "new", "last", "old"]);
});

test("a role and an index leave only the members that have them", () => {
  expect(names({ role: "worker" })).toEqual(["new", "last", "old"]);
  expect(names({ role: "worker", index: "1" })).toEqual(["last"]);
  expect(names({ index: "0" })).toEqual(["head", "new", "old"]);
  expect(names({ role: "none" })).toEqual([]);
});
