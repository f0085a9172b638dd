import { describe, expect, test } from "vitest";

import { jsonPatch } from "../../src/api/json-patch.ts";
import { StatusError } from "../../src/status-error.ts";

const TARGET = { labels: { "a/b": "1", "m~n": "2" }, list: ["x", "y"] };

describe("a JSON patch", () => {
  test("applies its operations in order, to a copy", () => {
    const patched = jsonPatch(TARGET, [
      { op: "test", path: "/labels/a~1b", value: "1" },
      { op: "move", from: "/labels/m~0n", path: "/moved" },
      { op: "add", path: "/list/-", value: "z" },
      { op: "copy", from: "/list/2", path: "/list/0" },
      { op: "replace", path: "/list/1", value: "X" },
      { op: "remove", path: "/labels/a~1b" },
    ]);
    expect(patched).toEqual({ labels: {}, moved: "2", list: ["z", "X", "y", "z"] });
    expect(TARGET.list).toEqual(["x", "y"]);
  });

  test.each([
    ["a missing path", { op: "remove", path: "/none" }],
    ["a missing parent", { op: "add", path: "/none/a", value: 1 }],
    ["a failed test", { op: "test", path: "/list/0", value: "y" }],
    ["an index behind the list's end", { op: "add", path: "/list/3", value: 1 }],
    ["a copy behind the list's end", { op: "copy", from: "/list/0", path: "/list/3" }],
    ["a property of the list", { op: "replace", path: "/list/length", value: 0 }],
    ["an unknown operation", { op: "turn", path: "/list" }],
    ["a path that is not a JSON pointer", { op: "remove", path: "list" }],
    ["an operation without a path", { op: "remove" }],
    ["a value that is not an operation", null],
  ])("with %s is refused with 422", (_what, operation) => {
    expect(() => jsonPatch(TARGET, [operation])).toThrow(expect.objectContaining({ code: 422, reason: "Invalid" }));
  });

  test("that is not a list is refused with 400", () => {
    expect(() => jsonPatch(TARGET, { op: "add" })).toThrow(StatusError);
    expect(() => jsonPatch(TARGET, { op: "add" })).toThrow(expect.objectContaining({ code: 400 }));
  });
});
