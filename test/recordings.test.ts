import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseHistory } from "@kinsync/core/testing";
import { describe, expect, test } from "vitest";
import { MAX_NAME_LENGTH, recordingName } from "../e2e/harness/recording-name.ts";

const ROOT = join(import.meta.dirname, "..");
const SITUATIONS = join(ROOT, "e2e/situations");

/** Recorded before the situations existed, together with a transcript. */
const WITHOUT_SITUATION = [
  "partition-counted-from-ordinals-start",
  "recreate-and-deletion",
  "restart-after-a-failed-worker",
  "rollout-and-rollback",
  "suspended-resumed-deleted",
  "third-revision-below-the-partition",
];

const sources = readdirSync(SITUATIONS, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => readFileSync(join(SITUATIONS, name), "utf8"));

const recorded = readdirSync(join(ROOT, "packages")).filter((name) =>
  existsSync(join(ROOT, "packages", name, "test/histories")),
);

describe.each(recorded)("the histories of %s", (name) => {
  const folder = join(ROOT, "packages", name, "test/histories");
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".jsonl"));

  test.each(files)("%s is named after a situation that exists", (file) => {
    const stem = basename(file, ".jsonl");
    expect(stem.length).toBeLessThanOrEqual(MAX_NAME_LENGTH);
    if (WITHOUT_SITUATION.includes(stem)) return;
    const situation = parseHistory(stem, readFileSync(join(folder, file), "utf8")).origin?.scenario ?? "";
    expect(recordingName(situation)).toBe(stem);
    expect(
      sources.some((source) => source.includes(`situation("${situation}"`) || source.includes(`\n  "${situation}",`)),
    ).toBe(true);
  });
});

test("a situation whose name is too long for a file name is refused, not cut", () => {
  expect(recordingName("A JobSet restarts: its pods, and no others")).toBe("a-jobset-restarts-its-pods-and-no-others");
  expect(() => recordingName("pods ".repeat(13))).toThrow("at most 60");
});
