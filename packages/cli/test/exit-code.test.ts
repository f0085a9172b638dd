import { expect, test } from "vitest";
import { ERRORS } from "@kinsync/core";
import type { ErrorCode } from "@kinsync/core";
import { exitCodeOf } from "../src/exit-code.ts";

test("every error code has the exit code of its area", () => {
  const codes = Object.keys(ERRORS) as ErrorCode[];
  const internal = codes.filter((code) => exitCodeOf(code) === 1);
  expect(internal).toEqual(["KINSYNC_INTERNAL"]);
  expect(exitCodeOf("KINSYNC_CLUSTER_UNREACHABLE")).toBe(5);
  expect(exitCodeOf("KINSYNC_CONFIG_INVALID")).toBe(2);
  expect(exitCodeOf("KINSYNC_PLUGIN_CONTRACT")).toBe(2);
  expect(exitCodeOf("KINSYNC_RESOLVE_WORKLOAD")).toBe(2);
  expect(exitCodeOf("KINSYNC_RUN_LOCAL")).toBe(3);
  expect(exitCodeOf("KINSYNC_TARGET_FULL")).toBe(3);
  expect(exitCodeOf("KINSYNC_TARGET_PATH")).toBe(2);
});
