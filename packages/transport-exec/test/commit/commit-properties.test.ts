import fc from "fast-check";
import { posix } from "node:path";
import { expect, test } from "vitest";
import type { BatchEntry } from "@kinsync/core/contract";
import { commitInstructions } from "../../src/commit/commit-instructions.ts";
import { planCommit } from "../../src/commit/commit-plan.ts";
import type { Instruction } from "../../src/commit/instruction-list.ts";
import { ModelAgent, ModelFailure, type Fault, type Node, type Tree } from "../support/model-agent.ts";

const FAULTS = ["EPERM", "ENOSPC", "EXDEV", "EROFS", "EIO", "ESTALE", "EBUSY", "ENAMETOOLONG"] as const;

const name = fc.constantFrom("a", "b", "c");
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
const node: fc.Arbitrary<Node> = fc.oneof(
  fc.record({ type: fc.constant("file" as const), value: fc.constantFrom("1", "2", "3") }),
  fc.record({ type: fc.constant("link" as const), value: fc.constantFrom("t", "u") }),
  fc.constant({ type: "directory" } as const),
);
/** Paths with their folders; a path below a file is left out. */
const tree: fc.Arbitrary<Tree> = fc.array(fc.tuple(path, node), { maxLength: 8 }).map((all) => {
  const result = new Map<string, Node>();
  for (const [at, each] of all) {
    const folders = parentsOf(at);
    if (result.has(at) || folders.some((folder) => (result.get(folder)?.type ?? "directory") !== "directory")) continue;
    for (const folder of folders) result.set(folder, { type: "directory" });
    result.set(at, each);
  }
  return result;
});
const fault: fc.Arbitrary<Fault> = fc.record({
  call: fc.integer({ min: 1, max: 12 }),
  kind: fc.constantFrom(...FAULTS),
});

function parentsOf(at: string): string[] {
  const folders: string[] = [];
  for (let folder = posix.dirname(at); folder !== "."; folder = posix.dirname(folder)) folders.unshift(folder);
  return folders;
}

function isEqual(a: Node | undefined, b: Node | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function textOf(content: Tree): string[] {
  return [...content].map(([at, each]) => JSON.stringify([at, each])).toSorted();
}

/** A batch that makes `before` into `after`: what is built, folders first, then deletes, content first. */
function difference(before: Tree, after: Tree): BatchEntry[] {
  const built: BatchEntry[] = [];
  for (const at of [...after.keys()].toSorted()) {
    const wanted = after.get(at);
    const old = before.get(at);
    if (wanted === undefined || isEqual(wanted, old)) continue;
    const replaces = old === undefined ? {} : { replaces: old.type };
    if (wanted.type === "directory") {
      built.push({ op: "directory", path: at, mode: 0o755, ...(replaces as { replaces?: "file" | "link" }) });
    } else if (wanted.type === "file") {
      built.push({ op: "file", path: at, mode: 0o644, size: 1, digest: wanted.value, ...replaces });
    } else built.push({ op: "link", path: at, target: wanted.value, ...replaces });
  }
  const deleted = [...before.keys()].filter((at) => !after.has(at)).toSorted((a, b) => (a < b ? 1 : -1));
  return [
    ...built,
    ...deleted.map((at): BatchEntry => {
      const type = before.get(at)?.type === "directory" ? "directory" : "file";
      return { op: "delete", path: at, type };
    }),
  ];
}

interface Compiled {
  readonly entries: readonly BatchEntry[];
  readonly plan: ReturnType<typeof planCommit>;
  readonly list: readonly Instruction[];
  /** Number of instructions before the first change: checks and journal. */
  readonly firstChange: number;
}

function compile(entries: readonly BatchEntry[], mounts: readonly string[] = [], inPlace = false): Compiled {
  const plan = planCommit({ entries });
  const location = { claim: 1, root: "/r", state: "/.kinsync/k", mounts: mounts.map((at) => `/r/${at}`), kept: [] };
  const { checks, changes } = commitInstructions(plan, location, inPlace);
  const built = entries.filter(({ op }) => op !== "delete" && op !== "chmod").map((entry) => entry.path);
  const journal = built.length === 0 ? [] : [{ word: "ja", arguments: built }];
  return { entries, plan, list: [...checks, ...journal, ...changes], firstChange: checks.length + journal.length };
}

/** Executes until the end or the first failure, which it returns. */
function execute(agent: ModelAgent, list: readonly Instruction[]): string | undefined {
  try {
    for (const instruction of list) agent.execute(instruction);
    return undefined;
  } catch (error) {
    if (error instanceof ModelFailure) return error.kind;
    throw error;
  }
}

test("a commit makes exactly the tree that was wanted", () => {
  fc.assert(
    fc.property(tree, tree, fc.boolean(), (before, after, inPlace) => {
      const { plan, list } = compile(difference(before, after), [], inPlace);
      const agent = new ModelAgent(before, plan);
      expect(execute(agent, list)).toBeUndefined();
      expect(textOf(agent.tree)).toEqual(textOf(after));
    }),
    { numRuns: 500 },
  );
});

test("a failure at any call leaves only old and new content, and names every new path in the journal", () => {
  fc.assert(
    fc.property(tree, tree, fault, (before, after, broken) => {
      const { entries, plan, list } = compile(difference(before, after));
      const agent = new ModelAgent(before, plan, broken);
      const touched = new Set(entries.map((entry) => entry.path));
      agent.onChange = () => {
        for (const [at, found] of agent.tree) {
          if (isEqual(found, before.get(at))) continue;
          expect(isEqual(found, after.get(at)), `${at} is neither old nor new`).toBe(true);
          expect(agent.journal.has(at), `${at} is new and in no journal`).toBe(true);
        }
        expect([...before.keys()].filter((at) => !agent.tree.has(at) && !touched.has(at))).toEqual([]);
      };
      execute(agent, list);
      agent.onChange();
    }),
    { numRuns: 500 },
  );
});

test("a failure before the last check or the journal changes nothing", () => {
  fc.assert(
    fc.property(tree, tree, fault, (before, after, broken) => {
      const { plan, list, firstChange } = compile(difference(before, after));
      const agent = new ModelAgent(before, plan, broken);
      if (execute(agent, list.slice(0, firstChange)) === undefined) return;
      expect(textOf(agent.tree)).toEqual(textOf(before));
      expect(agent.journal.size).toBe(0);
    }),
    { numRuns: 500 },
  );
});

test("a commit after a failure completes the tree", () => {
  fc.assert(
    fc.property(tree, tree, fault, (before, after, broken) => {
      const first = compile(difference(before, after));
      const agent = new ModelAgent(before, first.plan, broken);
      execute(agent, first.list);
      const second = compile(difference(agent.tree, after));
      const next = new ModelAgent(agent.tree, second.plan);
      expect(execute(next, second.list)).toBeUndefined();
      expect(textOf(next.tree)).toEqual(textOf(after));
    }),
    { numRuns: 500 },
  );
});

test("what others changed meanwhile is refused or kept, and paths outside of the batch never change", () => {
  fc.assert(
    fc.property(tree, tree, tree, (before, after, found) => {
      const { entries, plan, list, firstChange } = compile(difference(before, after));
      const agent = new ModelAgent(found, plan);
      const failed = execute(agent, list.slice(0, firstChange));
      if (failed === undefined) execute(agent, list.slice(firstChange));
      const touched = new Set(entries.map((entry) => entry.path));
      const untouched = [...found.keys(), ...agent.tree.keys()].filter((at) => !touched.has(at));
      for (const at of untouched) expect(isEqual(agent.tree.get(at), found.get(at)), at).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test("no rename goes over a mount point or between mounts", () => {
  fc.assert(
    fc.property(tree, tree, path, fc.boolean(), (before, after, mount, inPlace) => {
      const { list } = compile(difference(before, after), [mount], inPlace);
      for (const { word, arguments: words } of list) {
        if (!["mn", "mo", "mx", "mw"].includes(word)) continue;
        const [folder = "", ...names] = words;
        for (const each of names) {
          const at = posix.join(folder, each);
          expect(at === mount || at.startsWith(`${mount}/`), `${word} ${at} with a mount at ${mount}`).toBe(false);
        }
      }
    }),
    { numRuns: 500 },
  );
});
