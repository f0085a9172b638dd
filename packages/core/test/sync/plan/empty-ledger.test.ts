import { expect, test } from "vitest";
import { Ledger } from "../../../src/sync/plan/ledger.ts";
import { createTree } from "../../../src/mapping/tree.ts";

const INVENTORY = { root: "missing", entries: [], placed: [] } as const;
const OPTIONS = { distrust: false, modes: "portable" } as const;
const SCOPE = { mirror: false, only: undefined, isExcluded: () => false };
const DIGEST = "0".repeat(64);
const FILES = createTree("directory", [{ type: "file", path: "a", mode: 0o644, size: 1, digest: DIGEST }]);

test.each([
  ["an empty inventory", () => Ledger.fromInventory(INVENTORY, FILES, OPTIONS)],
  ["a root that holds nothing", () => Ledger.empty("portable")],
])("the ledger of %s holds no tree before the first commit, also not an empty one", (_, make) => {
  const ledger = make();
  expect(ledger.tree).toBeUndefined();
  const { entries } = ledger.plan(FILES, SCOPE);
  expect(entries).toMatchObject([{ op: "file", path: "a" }]);
  ledger.committed(FILES, entries);
  expect(ledger.tree).toBe(FILES);
  expect(ledger.plan(FILES, SCOPE).entries).toEqual([]);
});

test("all targets that hold nothing share one plan, and a single file has its own", () => {
  const [one, other] = [Ledger.empty("portable"), Ledger.fromInventory(INVENTORY, FILES, OPTIONS)];
  expect(other.plan(FILES, SCOPE)).toBe(one.plan(FILES, SCOPE));
  expect(() => one.plan(FILES, { ...SCOPE, only: "b" })).toThrow("outside");
});
