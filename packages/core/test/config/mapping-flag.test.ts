import fc from "fast-check";
import { expect, test } from "vitest";
import { parseMappingFlag } from "@kinsync/core/config";
import { thrown } from "./support/folder.ts";

test.each([
  ["src:/app/src", "src", "/app/src"],
  ["src:app", "src", "app"],
  ["./a:b/src:/app/src", "./a:b/src", "/app/src"],
  ["C:\\src:/app", "C:\\src", "/app"],
  ["C:/src:/app", "C:/src", "/app"],
  ["/abs/file.yaml:/etc/app/", "/abs/file.yaml", "/etc/app/"],
])("%s", (text, from, to) => {
  expect(parseMappingFlag(text)).toEqual({ from, to });
});

test.each([
  ["src", /^--sync "src" names no path in the container/, "For example: --sync src:/app/src"],
  ["src:", /^--sync "src:" names no path in the container/, "For example: --sync src:/app/src"],
  [":/app", /^--sync ":\/app" names no local path/, "For example: --sync src:/app"],
  ["", /^--sync "" is empty/, "For example: --sync src:/app/src"],
  ["C:\\src", /^--sync "C:\\\\src" names no path in the container/, "For example: --sync C:\\src:/app/src"],
])("%j lacks a part, which is told", (text, message, hint) => {
  const error = thrown(() => parseMappingFlag(text));
  expect(error.code).toBe("KINSYNC_USAGE");
  expect(error.message).toMatch(message);
  expect(error.hint).toBe(hint);
});

test("any local path with any POSIX container path comes apart where it was put together", () => {
  const local = fc.string({ minLength: 2, maxLength: 20 }).filter((text) => text.trim() !== "");
  const container = fc.stringMatching(/^\/[a-z0-9._/-]{0,20}$/);
  fc.assert(
    fc.property(local, container, (from, to) => {
      expect(parseMappingFlag(`${from}:${to}`)).toEqual({ from, to });
    }),
  );
});
