import { expect, test } from "vitest";
import { hostKind } from "../../src/plugins/host.ts";
import { JOBS, object, pod, PODS, teamKind, TEAMS } from "../support/objects.ts";

test("a kind's answers pass as they are", () => {
  const host = hostKind(teamKind());
  const root = object(TEAMS, "train");
  expect(host.watches(root)).toEqual({ watches: [{ resource: JOBS }] });
  const judgement = host.judge({ root, owned: [], pods: [], missing: [], referred: [], rule: () => undefined });
  expect(judgement.pod({ pod: pod("a"), owners: [], by: "owner" }).state).toBe("current");
  expect(hostKind(host.plugin)).toBe(host);
});

test.each([
  ["a plan that is none", { watches: () => undefined as never }, "instead of { watches: [...] }"],
  [
    "a resource without a plural",
    { watches: () => ({ watches: [{ resource: { group: "", version: "v1" } as never }] }) },
    "without kind and plural",
  ],
  [
    "an owner that is no word",
    { watches: () => ({ watches: [{ resource: JOBS, owner: "all" as never }] }) },
    'owner of jobs is "all"',
  ],
  [
    "a misspelt field of a watch",
    { watches: () => ({ watches: [{ resource: JOBS, labelselector: "a=b" } as never] }) },
    "the watch of jobs has an unknown field `labelselector`; did you mean `labelSelector`?",
  ],
  [
    "a field that the plan does not have",
    { watches: () => ({ watches: [], pod: {} }) as never },
    "unknown field `pod`; did you mean `pods`?",
  ],
  [
    "a delegated watch that would keep a part of the child",
    { watches: () => ({ watches: [{ resource: JOBS, delegate: true, metadataOnly: true }] }) },
    "the watch of jobs is delegated and has `metadataOnly`",
  ],
  ["delegated pods", { watches: () => ({ watches: [{ resource: PODS, delegate: true }] }) }, "watches delegates pods"],
  [
    "a reference without a name",
    { watches: () => ({ watches: [], refers: [{ resource: JOBS, name: "" }] }) },
    "refers names an object of jobs with the name",
  ],
  [
    "a throw",
    {
      watches: () => {
        throw new RangeError("boom");
      },
    },
    "boom",
  ],
])("watches: %s is named", (_situation, parts, message) => {
  expect(() => hostKind(teamKind(parts)).watches(object(TEAMS, "train"))).toThrowError(
    expect.objectContaining({
      code: "KINSYNC_PLUGIN_FAILED",
      plugin: "team",
      operation: "watches",
      message: expect.stringContaining(message) as string,
    }) as Error,
  );
});

test.each([
  ["no verdict", undefined, "instead of a verdict"],
  ["an unknown state", { state: "good", reason: { code: "a", message: "b" } }, 'returned state "good"'],
  ["a numeric index", { state: "current", index: 3, reason: { code: "a", message: "b" } }, "returned index number 3"],
  ["no reason", { state: "current" }, "has no reason"],
  [
    "a misspelt field",
    { state: "current", roles: "a", reason: { code: "a", message: "b" } },
    "returned an unknown field for pod p-1 `roles`; did you mean `role`?",
  ],
  [
    "a label that is a number",
    { state: "current", labels: { group: 3 }, reason: { code: "a", message: "b" } },
    "returned label group number 3",
  ],
  ["an empty code", { state: "current", reason: { code: "", message: "b" } }, "has no reason"],
  ["a promise", Promise.resolve(), "returned state undefined"],
])("judge: %s is named with the pod", (_situation, verdict, message) => {
  const host = hostKind(teamKind({ judge: () => ({ pod: () => verdict as never }) }));
  const judgement = host.judge({
    root: object(TEAMS, "train"),
    owned: [],
    pods: [],
    missing: [],
    referred: [],
    rule: () => undefined,
  });
  expect(() => judgement.pod({ pod: pod("p-1"), owners: [], by: "owner" })).toThrowError(
    expect.objectContaining({ message: expect.stringMatching(/p-1/) as string }) as Error,
  );
  expect(() => judgement.pod({ pod: pod("p-1"), owners: [], by: "owner" })).toThrowError(message);
});

test("judge: the note of contract 1 is an unknown field", () => {
  const judge = () => ({ pod: () => ({}), note: { code: "a", message: "b" } }) as never;
  const view = { root: object(TEAMS, "train"), owned: [], pods: [], missing: [], referred: [], rule: () => undefined };
  expect(() => hostKind(teamKind({ judge })).judge(view)).toThrowError("unknown field `note`; did you mean `notes`?");
});
