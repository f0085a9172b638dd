import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BatchEntry } from "../../../src/contract/transport.ts";
import type { TreeEntry } from "../../../src/mapping/tree.ts";
import { Ledger } from "../../../src/sync/plan/ledger.ts";
import type { ObservedEntry } from "../../../src/sync/plan/observed.ts";
import type { PlanOptions } from "../../../src/sync/plan/plan-options.ts";
import { planRoot } from "../../../src/sync/plan/plan.ts";
import {
  anyTree,
  carriedOut,
  directory,
  everything,
  file,
  link,
  observed,
  tree,
  type World,
} from "./support/worlds.ts";

const portable: PlanOptions = { ...everything, modes: "portable" };

/** `OP MODE` of each entry of the plan. */
function modesOf(found: ObservedEntry | undefined, desired: TreeEntry, options: PlanOptions): string[] {
  const there = found === undefined ? [] : [found];
  const plan = planRoot(observed(there, [desired.path]), tree([desired]), options);
  return plan.entries.map((entry) => ("mode" in entry ? `${entry.op} ${entry.mode.toString(8)}` : entry.op));
}

describe("with modes: portable", () => {
  test.each<[string, ObservedEntry | undefined, TreeEntry, string[]]>([
    ["a new file gets 0644", undefined, file("a", "1", 0o600), ["file 644"]],
    ["a new file without group bits gets 0644", undefined, file("a", "1", 0o664), ["file 644"]],
    ["a new executable gets 0755", undefined, file("a", "1", 0o700), ["file 755"]],
    ["a new folder gets 0755", undefined, directory("a", 0o700), ["directory 755"]],
    ["a file in place of a link gets 0644", link("a", "b"), file("a", "1", 0o600), ["file 644"]],
    ["a changed file keeps its mode", file("a", "1", 0o600), file("a", "2", 0o644), ["file 600"]],
    ["a changed executable keeps its mode", file("a", "1", 0o750), file("a", "2", 0o755), ["file 750"]],
    ["a changed file loses bits beyond the permissions", file("a", "1", 0o4755), file("a", "2", 0o755), ["file 755"]],
    ["a changed file becomes executable for its readers", file("a", "1", 0o640), file("a", "2", 0o755), ["file 750"]],
    ["a changed file stops being executable", file("a", "1", 0o775), file("a", "2", 0o644), ["file 664"]],
    ["an equal file keeps its mode", file("a", "1", 0o600), file("a", "1", 0o644), []],
    ["an equal executable keeps its mode", file("a", "1", 0o711), file("a", "1", 0o755), []],
    ["an equal file becomes executable", file("a", "1", 0o600), file("a", "1", 0o755), ["chmod 700"]],
    ["an equal file that nobody reads becomes executable", file("a", "1", 0o200), file("a", "1", 0o755), ["chmod 300"]],
    ["an equal file stops being executable", file("a", "1", 0o755), file("a", "1", 0o644), ["chmod 644"]],
    ["an existing folder keeps its mode", directory("a", 0o1777), directory("a", 0o755), []],
    ["an existing folder with setgid keeps its mode", directory("a", 0o2775), directory("a", 0o755), []],
  ])("%s", (_, found, desired, expected) => {
    expect(modesOf(found, desired, portable)).toEqual(expected);
  });
});

describe("with modes: exact", () => {
  test.each<[string, ObservedEntry | undefined, TreeEntry, string[]]>([
    ["a new file gets the local mode", undefined, file("a", "1", 0o600), ["file 600"]],
    ["a new folder gets the local mode", undefined, directory("a", 0o700), ["directory 700"]],
    ["a changed file gets the local mode", file("a", "1", 0o600), file("a", "2", 0o640), ["file 640"]],
    ["an equal file gets the local mode", file("a", "1", 0o600), file("a", "1", 0o640), ["chmod 640"]],
    ["a folder of kinsync's gets the local mode", directory("a", 0o755), directory("a", 0o700), ["chmod 700"]],
  ])("%s", (_, found, desired, expected) => {
    expect(modesOf(found, desired, everything)).toEqual(expected);
  });
});

test("where the transport has no modes none is compared", () => {
  const options: PlanOptions = { ...everything, modes: "ignored" };
  expect(modesOf(file("a", "1", 0o600), file("a", "1", 0o755), options)).toEqual([]);
});

describe("a ledger", () => {
  const scope = { mirror: false, only: undefined, isExcluded: () => false };

  function save(ledger: Ledger, entries: readonly TreeEntry[]): readonly BatchEntry[] {
    const desired = tree(entries);
    const plan = ledger.plan(desired, scope);
    ledger.committed(desired, plan.entries);
    return plan.entries;
  }

  test("keeps the mode of an image's file through many saves", () => {
    const inventory = { root: "directory" as const, entries: [file("a", "1", 0o600)], placed: [] };
    const ledger = Ledger.fromInventory(inventory, tree([file("a", "1")]), { distrust: false, modes: "portable" });
    expect(save(ledger, [file("a", "1", 0o644)])).toEqual([]);
    expect(save(ledger, [file("a", "2", 0o644)])).toMatchObject([{ op: "file", mode: 0o600 }]);
    expect(save(ledger, [file("a", "3", 0o644)])).toMatchObject([{ op: "file", mode: 0o600 }]);
    expect(save(ledger, [file("a", "3", 0o755)])).toMatchObject([{ op: "chmod", mode: 0o700 }]);
    expect(save(ledger, [file("a", "4", 0o755)])).toMatchObject([{ op: "file", mode: 0o700 }]);
  });

  test("shares a plan with other targets whatever modes their images have, unless it concerns them", () => {
    const before = tree([file("a", "1"), file("b", "1")]);
    const ledgers = [0o644, 0o600, 0o664].map((mode) => {
      const entries = [file("a", "1", mode), file("b", "1")];
      const inventory = { root: "directory" as const, entries, placed: [] };
      const ledger = Ledger.fromInventory(inventory, before, { distrust: false, modes: "portable" });
      ledger.committed(before, ledger.plan(before, scope).entries);
      return ledger;
    });
    const next = tree([file("a", "1"), file("b", "2")]);
    const shared = ledgers.map((ledger) => ledger.plan(next, scope).entries);
    expect(shared[1]).toBe(shared[0]);
    expect(shared[2]).toBe(shared[0]);
    const other = tree([file("a", "2"), file("b", "1")]);
    const modes = ledgers.map((ledger) =>
      ledger.plan(other, scope).entries.map((entry) => "mode" in entry && entry.mode),
    );
    expect(modes).toEqual([[0o644], [0o600], [0o664]]);
  });

  test("of a file that kinsync created with another local mode plans the mode that it gave", () => {
    const inventory = { root: "missing" as const, entries: [], placed: [] };
    const ledger = Ledger.fromInventory(inventory, tree([]), { distrust: false, modes: "portable" });
    expect(save(ledger, [file("a", "1", 0o600)])).toMatchObject([{ op: "file", mode: 0o644 }]);
    expect(save(ledger, [file("a", "2", 0o600)])).toMatchObject([{ op: "file", mode: 0o644 }]);
    expect(save(ledger, [file("a", "2", 0o664)])).toEqual([]);
  });

  test("forgets what the first of several batches deleted", () => {
    const inventory = {
      root: "directory" as const,
      entries: [file("x", "1"), file("y", "1"), file("kept", "1")],
      placed: ["x", "y"],
    };
    const ledger = Ledger.fromInventory(inventory, tree([]), { distrust: false, modes: "portable" });
    const desired = tree([file("a", "1")]);
    const { entries } = ledger.plan(desired, scope);
    ledger.partlyCommitted(desired, entries.slice(0, 2));
    ledger.committed(desired, entries.slice(2));
    expect(ledger.plan(desired, scope).entries).toEqual([]);
  });
});

test("after any saves a ledger plans nothing that a new inventory would not, and files keep their mode but for the executable bits", () => {
  const scope = { mirror: false, only: undefined, isExcluded: () => false };
  const options = { distrust: false, modes: "portable" } as const;
  const anyModes = fc.func(fc.constantFrom(0o600, 0o644, 0o664, 0o700, 0o755, 0o775));
  const property = fc.property(
    anyTree,
    anyModes,
    fc.array(anyTree, { minLength: 1, maxLength: 5 }),
    (image, modeAt, saves) => {
      let world: World = new Map(
        [...image.entries].map(([path, entry]) => [path, "mode" in entry ? { ...entry, mode: modeAt(path) } : entry]),
      );
      const stock = () => ({ root: "directory" as const, entries: [...world.values()], placed: [...world.keys()] });
      const ledger = Ledger.fromInventory(stock(), image, options);
      for (const desired of saves) {
        const before = world;
        const plan = ledger.plan(desired, scope);
        world = carriedOut(world, plan.entries);
        ledger.committed(desired, plan.entries);
        expect(Ledger.fromInventory(stock(), desired, options).plan(desired, scope).entries).toEqual([]);
        expect(ledger.plan(desired, scope).entries).toEqual([]);
        const kept = [...world.values()].flatMap((now) => {
          const was = before.get(now.path);
          if (now.type !== "file" || was?.type !== "file") return [];
          return [[now.path, now.mode & 0o666, was.mode & 0o666]];
        });
        expect(kept.filter(([, now, was]) => now !== was)).toEqual([]);
      }
    },
  );
  fc.assert(property, { numRuns: 500 });
});
