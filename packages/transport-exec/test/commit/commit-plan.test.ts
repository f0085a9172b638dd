import { describe, expect, test } from "vitest";
import { createBatch } from "@kinsync/core/testing";
import { planCommit } from "../../src/commit/commit-plan.ts";

const root = { path: "/r", shape: "directory", key: "k" } as const;

describe("a commit plan", () => {
  test("makes room first, then renames, then deletes, then changes modes from the inside out", async () => {
    const { steps } = planCommit(
      await createBatch(root, [
        { remove: "b/x" },
        { directory: "n", mode: 0o555 },
        { file: "n/f", bytes: "1" },
        { directory: "n/m", mode: 0o555 },
        { file: "b", bytes: "2", replaces: "directory" },
        { chmod: "z", mode: 0o600 },
        { remove: "old/f" },
        { remove: "old", type: "directory" },
      ]),
    );
    expect(steps.map(({ op, path }) => `${op} ${path}`)).toEqual([
      "x b/x",
      "d n",
      "f n/f",
      "d n/m",
      "f b",
      "x old/f",
      "y old",
      "c z",
      "c n/m",
      "c n",
    ]);
    // The content of a new folder moves with the folder. A folder that is not writable gets its mode at the end.
    expect(steps.filter((step) => step.moves).map((step) => step.path)).toEqual(["n", "b"]);
    expect(steps.find((step) => step.op === "d")?.mode).toBe(0o755);
  });

  test("deletes first what comes before everything that is written, such as the old name of a rename by case", async () => {
    const { steps } = planCommit(
      await createBatch(root, [
        { remove: "Lib/a" },
        { remove: "Lib", type: "directory" },
        { directory: "lib" },
        { file: "lib/a", bytes: "1" },
        { remove: "old" },
      ]),
    );
    expect(steps.map(({ op, path }) => `${op} ${path}`)).toEqual(["x Lib/a", "y Lib", "d lib", "f lib/a", "x old"]);
  });

  test("is compiled once for a list of entries, however many targets receive it", async () => {
    const batch = await createBatch(root, [{ file: "f", bytes: "1" }]);
    const plan = planCommit(batch);
    expect(planCommit({ entries: batch.entries })).toBe(plan);
    expect(planCommit({ entries: [...batch.entries] })).not.toBe(plan);
  });
});
