import { expect, test } from "vitest";
import type { Target } from "@kinsync/core/contract";
import { errorOfAgent } from "../../src/session/agent-error.ts";

test.each([
  ["the root cannot be created", "/proc/src", "KINSYNC_TARGET_PATH"],
  [
    "the state directory disappeared because another run claims at that moment",
    "/app/.kinsync/src-1",
    "KINSYNC_TARGET_LOST",
  ],
])("during a claim, %s: the error has the right code", (_situation, path, code) => {
  const failure = { kind: "TEXT", path, text: "mv: can't rename: No such file or directory" };
  const target = { pod: "x", container: "main" } as Target;
  expect(errorOfAgent(failure, { target, verb: "claim", root: "/app/src" })).toMatchObject({ code });
});
