import fc from "fast-check";
import { expect, test } from "vitest";
import { journalLines, ManifestReader } from "../../src/commit/manifest.ts";

/** Any file name that is valid UTF-8. */
const name = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 12 })
  .filter((text) => !/[\0/]/.test(text) && text !== "." && text !== "..");

test("a manifest holds the paths that were added and not removed, wherever an append was cut", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom("+", "-"), name), { maxLength: 30 }), fc.nat(20), (steps, cut) => {
      const expected = new Set<string>();
      let text = journalLines("+", ["x".repeat(40)]).slice(0, 1 + cut);
      for (const [mark, path] of steps) {
        text += journalLines(mark, [path]);
        if (mark === "+") expected.add(path);
        else expected.delete(path);
      }
      const reader = new ManifestReader();
      for (const line of text.split("\n")) reader.take(line);
      expect(new Set(reader.placed.filter((path) => !/^x*$/.test(path)))).toEqual(
        new Set([...expected].filter((path) => !/^x*$/.test(path))),
      );
    }),
  );
});

test("a line that a full disk cut names no path, because a foreign file may have the shorter name", () => {
  fc.assert(
    fc.property(name, fc.constantFrom("+", "-"), fc.nat(40), (path, mark, cut) => {
      const longer = `${path}x`;
      const before = mark === "-" ? [path, longer] : [];
      const line = journalLines(mark, [longer]);
      const text =
        journalLines("+", before) + line.slice(0, Math.min(cut, line.length - 2)) + journalLines("+", ["next"]);
      const reader = new ManifestReader();
      for (const part of text.split("\n")) reader.take(part);
      expect(new Set(reader.placed)).toEqual(new Set([...before, "next"]));
    }),
  );
});

test("lines of others that lead out of the root, or into the state directory, name no path", () => {
  const reader = new ManifestReader();
  const paths = ["/etc/passwd", "..", "../a", "a/../../b", ".", "a//b", "a/", ".kinsync", "a/.kinsync/marker"];
  for (const line of journalLines("+", [...paths, "a/b"]).split("\n")) reader.take(line);
  expect(reader.placed).toEqual(["a/b"]);
});
