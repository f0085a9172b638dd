import { expect, test } from "vitest";
import { createBatch } from "@kinsync/core/testing";
import { planCommit } from "../../src/commit/commit-plan.ts";
import type { RootLocation, StageRequest } from "../../src/protocol/agent-protocol.ts";
import { commitCode } from "../../src/protocol/commit-code.ts";

const root = { path: "/r", shape: "directory", key: "k" } as const;
const plan = planCommit(await createBatch(root, [{ file: "d/f", bytes: "1", replaces: "file" }]));
const onRoot: RootLocation = { claim: 1, root: "/r", state: "/.kinsync/k", mounts: [] };

function codeFor(location: RootLocation, more: Partial<StageRequest> = {}): string {
  return commitCode({ id: 1, name: "s", plan, inPlace: false, placed: "", unplaced: "", location, ...more });
}

test("sessions at equal locations get the same code for one plan", () => {
  expect(codeFor({ ...onRoot, claim: 9, root: "/other", state: "/.kinsync/k" })).toBe(codeFor(onRoot));
});

test("the code of one plan follows the location: a file below a mount is copied, a mount point is refused", () => {
  const plain = codeFor(onRoot);
  expect(plain).toContain("mo d f");
  expect(codeFor({ ...onRoot, mounts: ["/r/d"] })).toContain("mc d f");
  expect(codeFor({ ...onRoot, mounts: ["/r/d/f"] })).toContain("mt d/f");
  expect(codeFor({ ...onRoot, mounts: ["/r/d/f"] }, { inPlace: true })).toContain("mi d f");
  expect(codeFor({ ...onRoot, state: "/elsewhere/.kinsync/k" })).toContain("mc d f");
  expect(codeFor(onRoot)).toBe(plain);
});

test("the code of one plan contains the journal of each request", () => {
  expect(codeFor(onRoot, { placed: "\n+d/f\\.\n" })).toContain("ja ");
  expect(codeFor(onRoot)).not.toContain("ja ");
});
