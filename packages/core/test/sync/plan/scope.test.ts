import fc from "fast-check";
import { expect, test } from "vitest";
import type { ObservedState } from "../../../src/sync/plan/observed.ts";
import type { PlanOptions } from "../../../src/sync/plan/plan-options.ts";
import { planRoot } from "../../../src/sync/plan/plan.ts";
import { anyTree, carriedOut, file, tree } from "./support/worlds.ts";

/** What a damaged manifest or a hostile agent may name. */
const HOSTILE = ["", "/etc/passwd", "..", "../x", "a/../../x", "a//b", "./a", ".kinsync", "a/.kinsync/x", "a/"];

const anyObserved = fc
  .tuple(anyTree, fc.func(fc.boolean()), fc.subarray(HOSTILE), fc.subarray(["a", "b", "a/b", "x y"]))
  .map(([there, isOurs, hostile, mounts]): ObservedState => {
    const entries = new Map([...there.entries].map(([path, entry]) => [path, entry] as const));
    for (const path of hostile) entries.set(path, file(path, "1"));
    return { entries, ours: new Set([...entries.keys()].filter(isOurs)), mounts: new Set(mounts) };
  });

const anyOptions = fc.record({
  modes: fc.constantFrom("portable", "exact", "ignored"),
  mirror: fc.boolean(),
  isExcluded: fc.func(fc.boolean()).map((excludes) => (path: string) => excludes(path)),
}) satisfies fc.Arbitrary<Omit<PlanOptions, "only">>;

test("no plan for a folder names a path outside of it", () => {
  const property = fc.property(anyObserved, anyTree, anyOptions, (observed, desired, options) => {
    const plan = planRoot(observed, desired, { ...options, only: undefined });
    for (const { path } of plan.entries) expect(HOSTILE).not.toContain(path);
    for (const { path } of plan.foreign) expect(HOSTILE).not.toContain(path);
  });
  fc.assert(property, { numRuns: 2_000 });
});

test("no plan for a single file names any other path, and its neighbours stay", () => {
  const anyFile = fc.option(fc.constantFrom("1", "22"), { nil: undefined });
  const property = fc.property(anyObserved, anyFile, anyOptions, (observed, content, options) => {
    const desired = tree(content === undefined ? [] : [file("a", content)]);
    const plan = planRoot(observed, desired, { ...options, only: "a" });
    for (const { path } of plan.entries) expect(path).toBe("a");
    expect(plan.foreign.filter(({ path }) => path !== "a")).toEqual([]);
    if (plan.conflicts.length > 0) return;
    const world = carriedOut(new Map(observed.entries), plan.entries);
    const neighbours = [...observed.entries].filter(([path]) => path !== "a");
    expect(neighbours.map(([path]) => world.get(path))).toEqual(neighbours.map(([, entry]) => entry));
  });
  fc.assert(property, { numRuns: 2_000 });
});

test("no plan deletes what kinsync did not create at, below or above a mount", () => {
  const property = fc.property(anyObserved, anyTree, anyOptions, (observed, desired, options) => {
    const plan = planRoot(observed, desired, { ...options, only: undefined });
    if (plan.conflicts.length > 0) return;
    const deleted = new Set(plan.entries.flatMap(({ op, path }) => (op === "delete" ? [path] : [])));
    for (const mount of observed.mounts ?? []) {
      expect(deleted).not.toContain(mount);
      for (const path of deleted) {
        const isAllowed = !path.startsWith(`${mount}/`) || observed.ours.has(path);
        expect([path, isAllowed, mount.startsWith(`${path}/`)]).toEqual([path, true, false]);
      }
    }
  });
  fc.assert(property, { numRuns: 2_000 });
});

test("without mirror no plan names anything foreign", () => {
  const property = fc.property(anyObserved, anyTree, anyOptions, (observed, desired, options) => {
    const plan = planRoot(observed, desired, { ...options, mirror: false, only: undefined });
    expect(plan.conflicts.length > 0 ? [] : plan.foreign).toEqual([]);
  });
  fc.assert(property, { numRuns: 1_000 });
});
