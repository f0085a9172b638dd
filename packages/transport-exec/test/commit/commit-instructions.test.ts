import { expect, test } from "vitest";
import { createBatch } from "@kinsync/core/testing";
import { commitInstructions } from "../../src/commit/commit-instructions.ts";
import { planCommit } from "../../src/commit/commit-plan.ts";
import type { RootLocation } from "../../src/protocol/agent-protocol.ts";
import { commitCode } from "../../src/protocol/shell-code.ts";

const root = { path: "/r", shape: "directory", key: "k" } as const;
const plan = planCommit(await createBatch(root, [{ file: "d/f", bytes: "1", replaces: "file" }]));
const onRoot: RootLocation = { claim: 1, root: "/r", state: "/.kinsync/k", mounts: [], kept: [] };

function wordsFor(location: RootLocation, inPlace = false): string[] {
  const { checks, changes } = commitInstructions(plan, location, inPlace);
  return [...checks, ...changes].map(({ word, arguments: words }) => [word, ...words].join(" "));
}

test("sessions at equal locations share the instructions of one plan", () => {
  const other = { ...onRoot, claim: 9, root: "/other", state: "/.kinsync/k" };
  expect(commitInstructions(plan, other, false)).toBe(commitInstructions(plan, onRoot, false));
});

test("the instructions follow the location: a file below a mount is copied, a mount point is refused", () => {
  expect(wordsFor(onRoot)).toEqual(["pf d f", "mo d f"]);
  expect(wordsFor({ ...onRoot, mounts: ["/r/d"] })).toEqual(["pf d f", "mc d f"]);
  expect(wordsFor({ ...onRoot, mounts: ["/r/d/f"] })).toEqual(["mt d/f"]);
  expect(wordsFor({ ...onRoot, mounts: ["/r/d/f"] }, true)).toEqual(["mi d f"]);
  expect(wordsFor(onRoot, true)).toEqual(["pi d f", "mw d f"]);
  expect(wordsFor({ ...onRoot, state: "/elsewhere/.kinsync/k" })).toEqual(["pf d f", "mc d f"]);
});

test("the code for a shell contains the journal of each request", () => {
  const request = { id: 1, name: "s", plan, inPlace: false, placed: "", unplaced: "", location: onRoot };
  expect(commitCode({ ...request, placed: "\n+d/f\\.\n" })).toContain("ja ");
  expect(commitCode(request)).not.toContain("ja ");
});

test("a folder or file that differs by case from a name that goes before may be the same one", async () => {
  const renames = planCommit(
    await createBatch(root, [
      { remove: "Lib/a" },
      { remove: "Lib", type: "directory" },
      { remove: "x/Old", type: "directory" },
      { directory: "lib" },
      { file: "lib/a", bytes: "1" },
      { file: "x/OLD", bytes: "2" },
      { file: "other", bytes: "3" },
    ]),
  );
  expect(
    commitInstructions(renames, onRoot, false).checks.map(({ word, arguments: words }) => [word, ...words]),
  ).toEqual([
    ["ps", "", "lib", "Lib"],
    ["ps", "x", "OLD", "x/Old"],
    ["pf", "", "other"],
  ]);
});
