import { expect, test } from "vitest";
import { CONTRACT, defineKind, isCompatible, isPodActive } from "@kinsync/core/contract";

test("a kind is stamped with the version of the contract and frozen", () => {
  const kind = defineKind({
    name: "job",
    root: { group: "batch", version: "v1", kind: "Job", plural: "jobs" },
    watches: () => ({ watches: [] }),
    judge: () => ({
      pod: () => ({ state: "current", reason: { code: "owned", message: "the Job owns it" } }),
    }),
  });
  expect(kind.contract).toBe(CONTRACT);
  expect(Object.isFrozen(kind)).toBe(true);
});

test("a pod under deletion is not active, whatever its phase", () => {
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "a", uid: "1", deletionTimestamp: "2026-01-01T00:00:00Z" },
    spec: { containers: [] },
    status: { phase: "Running" },
  };
  expect(isPodActive(pod)).toBe(false);
});

test.each([
  ["2.0", "2.0", true],
  ["2.0", "2.1", true],
  ["2.1", "2.1", true],
  ["2.1", "2.10", true],
  ["2.1", "2.0", false],
  ["2.10", "2.9", false],
  ["1.0", "2.0", false],
  ["3.0", "2.9", false],
  [1, "2.0", false],
  [2, "2.0", false],
  ["2", "2.0", false],
  ["2.0.0", "2.0", false],
  ["02.0", "2.0", false],
  [" 2.0", "2.0", false],
  [undefined, "2.0", false],
  [{ major: 2, minor: 0 }, "2.0", false],
])("a plugin built for contract %j in a host with contract %s: %j", (offered, host, loads) => {
  expect(isCompatible(offered, host)).toBe(loads);
});

test("this host loads what was built for its own contract", () => {
  expect(isCompatible(CONTRACT)).toBe(true);
});
