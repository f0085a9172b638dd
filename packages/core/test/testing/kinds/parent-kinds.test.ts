import { defineKind, delegatedVerdict } from "@kinsync/core/contract";
import type { KindDefinition, KubeObject } from "@kinsync/core/contract";
import type { KindCase } from "@kinsync/core/testing";
import { expect, test } from "vitest";
import { failuresOf } from "./support/failures.ts";
import { SET, object, root, sound, subject, verdict } from "./support/sound-kind.ts";

const PARENT = { group: "example.com", version: "v1", kind: "Parent", plural: "parents" };
const RUNTIME = { group: "example.com", version: "v1", kind: "Runtime", plural: "runtimes" };

/** A Parent leaves its Sets to their kind, refers to a Runtime, and adds labels and roles. */
const parent: KindDefinition = {
  name: "parent",
  root: PARENT,
  watches: () => ({
    watches: [{ resource: SET, delegate: true }],
    pods: "delegated",
    refers: [{ resource: RUNTIME, name: "r" }],
  }),
  judge: (view) => ({
    pod: (owned) => ({
      ...(delegatedVerdict(view, owned) ?? verdict(false)),
      role: "node",
      labels: { runtime: String(view.referred.length) },
    }),
  }),
  roles: () => ["node"],
};

const above: KubeObject = { apiVersion: "example.com/v1", kind: "Parent", metadata: { name: "p", uid: "p-1" } };
const runtime: KubeObject = { apiVersion: "example.com/v1", kind: "Runtime", metadata: { name: "r", uid: "r-1" } };
const otherRuntime: KubeObject = { ...runtime, metadata: { name: "q", uid: "q-1" } };
const delegated: KindCase = {
  name: "a Parent with one Set",
  root: above,
  objects: [
    { ...root, metadata: { ...object("Set", "s", above, 1, "s-1").metadata, name: "s" } },
    ...subject.objects,
    runtime,
    otherRuntime,
  ],
  members: [
    { pod: "g", state: "current", role: "node", labels: { runtime: "1" }, reason: "in-group" },
    { pod: "b", state: "superseded", role: "node", labels: { runtime: "1" }, reason: "not-in-group" },
  ],
  roles: ["node"],
};

/** The requirements that a parent fails, each with its reason. */
function brokenByParent(change: Partial<KindDefinition>, one: Partial<KindCase> = {}, child = sound): string[] {
  const kind = defineKind({ ...parent, ...change });
  const failures = failuresOf(kind, [{ ...delegated, ...one }], { kinds: [defineKind(child)] });
  return Object.entries(failures).map(([requirement, reason]) => `${requirement}: ${reason}`);
}

test("a kind that delegates, refers, labels and declares roles meets every requirement", () => {
  expect(brokenByParent({})).toEqual([]);
});

test("other labels or roles than the case expects are a failure", () => {
  expect(brokenByParent({ roles: () => ["other"] })[0]).toContain("roles that the spec names");
  const [members] = delegated.members;
  if (members === undefined) throw new Error("no member");
  expect(brokenByParent({}, { members: [{ ...members, labels: { runtime: "2" } }] })[0]).toContain("members are as");
});

test("a label that is not a text, and a role named twice, fail", () => {
  const judge: KindDefinition["judge"] = (view) => ({
    pod: (owned) => ({ ...(delegatedVerdict(view, owned) ?? verdict(false)), labels: { n: 3 } as never }),
  });
  expect(brokenByParent({ judge }).join("\n")).toContain('the label "n" must be a non-empty string');
  expect(brokenByParent({ roles: () => ["node", "node"] }).join("\n")).toContain("names one twice");
});

test("notes of the delegated children are the default, with the child's name", () => {
  const child: KindDefinition = {
    ...sound,
    judge: (view) => ({ ...sound.judge(view), notes: [{ code: "paused", message: "it is paused" }] }),
  };
  expect(brokenByParent({}, { notes: ["paused"] }, child)).toEqual([]);
});

test("a child's kind that throws fails the test with its own error", () => {
  const child: KindDefinition = {
    ...sound,
    judge: () => {
      throw new Error("no rule today");
    },
  };
  expect(brokenByParent({}, {}, child)[0]).toContain("no rule today");
});
