import fc from "fast-check";
import { expect, test } from "vitest";
import type { KubeObject } from "../../../src/contract/index.ts";
import type { Resolution } from "../../../src/resolve/resolution.ts";
import { compareMembers } from "../../../src/resolve/members/member-order.ts";
import { FakeCluster } from "../../support/fake-cluster.ts";
import { ALL, JOBS, object, pod, teamKind, TEAMS } from "../../support/objects.ts";
import { startWatch } from "../support/watch-fixture.ts";

/** A step in the life of one object; those of one object keep their order, as a watch does. */
interface Step {
  readonly object: KubeObject;
  readonly gone: boolean;
}

const roots = ["r0", "r1"].map((uid) => object(TEAMS, "train", { uid, status: { attempt: 1 } }));

const history = fc
  .record({
    root: fc.array(fc.record({ uid: fc.constantFrom("r0", "r1"), attempt: fc.nat(2) }), { minLength: 1, maxLength: 4 }),
    jobs: fc.array(
      fc.array(fc.record({ root: fc.nat(1), attempt: fc.nat(2), gone: fc.boolean() }), { minLength: 1, maxLength: 3 }),
      { maxLength: 3 },
    ),
    pods: fc.array(
      fc.array(fc.record({ job: fc.nat(2), role: fc.constantFrom("head", "worker"), gone: fc.boolean() }), {
        minLength: 1,
        maxLength: 3,
      }),
      { maxLength: 5 },
    ),
  })
  .map(({ root, jobs, pods }): Step[][] => [
    root.map(({ uid, attempt }) => ({ object: object(TEAMS, "train", { uid, status: { attempt } }), gone: false })),
    ...jobs.map((steps, at) =>
      steps.map(({ root: owner, attempt, gone }) => ({
        object: object(JOBS, `job-${at}`, {
          owner: roots[owner] as KubeObject,
          labels: { attempt: String(attempt) },
        }),
        gone,
      })),
    ),
    ...pods.map((steps, at) =>
      steps.map(({ job, role, gone }) => ({
        object: pod(`pod-${at}`, { owner: object(JOBS, `job-${job}`), labels: { role, index: String(at) } }),
        gone,
      })),
    ),
  ]);

/** One order in which the lines can run, by random choices. */
function interleave(lines: readonly (readonly Step[])[], choices: readonly number[]): Step[] {
  const rest = lines.map((line) => [...line]).filter((line) => line.length > 0);
  const steps: Step[] = [];
  for (let turn = 0; rest.length > 0; turn += 1) {
    const at = (choices[turn % choices.length] ?? 0) % rest.length;
    const line = rest[at] as Step[];
    steps.push(line.shift() as Step);
    if (line.length === 0) rest.splice(at, 1);
  }
  return steps;
}

/** Plays the steps in bursts and waits until the last of them was seen. */
async function play(steps: readonly Step[], bursts: readonly number[]): Promise<Resolution> {
  const cluster = new FakeCluster(ALL);
  await using fixture = startWatch({ cluster, kind: teamKind() });
  let left = 0;
  for (const [at, { object: one, gone }] of steps.entries()) {
    if (left === 0) {
      left = 1 + ((bursts[at % bursts.length] ?? 0) % 4);
      // Lets the watches run, so that some steps are seen alone and others together.
      for (let turn = 0; turn < (bursts[at % bursts.length] ?? 0) % 3; turn += 1) {
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    left -= 1;
    if (gone) cluster.delete(one);
    else cluster.put(one);
  }
  await fixture.watch.ready;
  // One more object for each watch, put last, proves that all before it was seen.
  const names = (): string[] => fixture.watch.owned.map((owned) => owned.metadata.name);
  const finalRoot = steps.findLast(({ object: one }) => one.kind === "Team")?.object as KubeObject;
  cluster.put(object(JOBS, "mark", { owner: finalRoot }), pod("zz-mark", { owner: object(JOBS, "mark") }));
  cluster.put({ ...finalRoot, spec: { mark: true } });
  // Awaited here: the fixture ends with this function.
  return await fixture.until(
    (resolution) =>
      names().includes("mark") &&
      resolution.root?.spec?.["mark"] === true &&
      resolution.members.some((member) => member.name === "zz-mark"),
  );
}

function shape(resolution: Resolution): unknown {
  return resolution.members.map(({ uid, state, role, index, reason, by, owners }) => ({
    uid,
    state,
    role,
    index,
    reason,
    by,
    owners: owners.map((owner) => owner.metadata.uid),
  }));
}

test("any interleaving of the same histories, in any bursts, ends in the same resolution", async () => {
  const choices = fc.array(fc.nat(50), { minLength: 5, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(history, choices, choices, choices, choices, async (lines, one, other, bursts, otherBursts) => {
      const first = await play(interleave(lines, one), bursts);
      const second = await play(interleave(lines, other), otherBursts);
      expect(shape(second)).toEqual(shape(first));
      expect([...first.members].sort(compareMembers)).toEqual(first.members);
    }),
    { numRuns: 100 },
  );
});

test("members are sorted by role, by index with its numbers as numbers, by name", () => {
  const member = (role: string | undefined, index: string | undefined, name: string) => ({
    role,
    index,
    name,
    uid: name,
  });
  const sorted = [
    member(undefined, undefined, "z"),
    member("head", "0", "b"),
    member("worker", "0/2", "a"),
    member("worker", "0/10", "a"),
    member("worker", "2/0", "a"),
    member("worker", "10/0", "a"),
    member("worker", "10/0", "a-2"),
    member("worker", "10/0", "a-10"),
  ];
  expect(sorted.toReversed().sort(compareMembers)).toEqual(sorted);
});

test("the order of members is total and transitive", () => {
  const text = fc.string({ unit: fc.constantFrom("0", "1", "00", "9", "10", "a", "-", "/"), maxLength: 5 });
  const any = fc.record({
    role: fc.option(text, { nil: undefined }),
    index: fc.option(text, { nil: undefined }),
    name: text,
    uid: text,
  });
  fc.assert(
    fc.property(any, any, any, (a, b, c) => {
      expect(Math.sign(compareMembers(a, b))).toBe(-Math.sign(compareMembers(b, a)) + 0);
      const [x, y, z] = [a, b, c].sort(compareMembers) as [typeof a, typeof a, typeof a];
      expect([compareMembers(x, y) <= 0, compareMembers(y, z) <= 0, compareMembers(x, z) <= 0]).toEqual([
        true,
        true,
        true,
      ]);
    }),
    { numRuns: 1000 },
  );
});
