import { expect, test } from "vitest";
import { InventoryReader } from "../../src/protocol/inventory-reader.ts";

test("an inventory leaves out paths below a link, and paths whose folder has no record", () => {
  const reader = new InventoryReader(["d/a", "l/a", "x/a"], false, true);
  expect(new Set(reader.requested)).toEqual(new Set(["d/a", "d", "l/a", "l", "x/a", "x"]));
  const digest = "a".repeat(64);
  const lines = [
    "s 41ed 4096 ./d",
    "s a1ff 1 ./l",
    "s 81a4 3 ./d/a",
    "s 81a4 3 ./l/a",
    `${digest}  ./d/a`,
    `${digest}  ./l/a`,
  ];
  for (const line of ["r d /r", ...lines, "n ./l", "t d", "s 81a4 3 ./x/a"]) reader.take(line);
  expect(reader.inventory()).toEqual({
    root: "directory",
    placed: [],
    entries: [{ type: "file", path: "d/a", mode: 0o644, size: 3, digest }],
  });
});

test.each([
  ["an origin", { host: "laptop", folder: "/src" }, { host: "laptop", folder: "/src" }],
  ["no origin", undefined, undefined],
  ["an origin without a folder", { host: "laptop" }, undefined],
  ["an origin that is text", "laptop", undefined],
])("a marker with %s is read", (_, origin, expected) => {
  const reader = new InventoryReader([], false, false);
  reader.take(`m ${JSON.stringify({ format: 1, runId: "s", since: "x", origin })}`);
  expect(reader.inventory().marker?.runId).toBe("s");
  expect(reader.inventory().marker?.origin).toEqual(expected);
});

test("an unreadable marker counts as missing", () => {
  for (const marker of ["", "{", "[]", `{"format":2,"runId":"s","since":"x"}`, `{"format":1}`]) {
    const reader = new InventoryReader([], false, false);
    reader.take(`m ${marker}`);
    expect(reader.inventory().marker, marker).toBeUndefined();
  }
});
