import { expect, test } from "vitest";
import { defineKind, isPodActive } from "@kinsync/core/contract";

test("a kind is stamped with the contract number and frozen", () => {
  const kind = defineKind({
    name: "job",
    root: { group: "batch", version: "v1", kind: "Job", plural: "jobs" },
    watches: () => ({ watches: [] }),
    judge: () => ({
      pod: () => ({ state: "current", reason: { code: "owned", message: "the Job owns it" } }),
    }),
  });
  expect(kind.contract).toBe(1);
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
