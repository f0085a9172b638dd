import { expect, test } from "vitest";
import { Interner } from "../../src/kube/interner.ts";

const image = "registry.example.com/team/train:1.2.3";

/** Another string object with the same text. */
function copyOf(text: string): string {
  return JSON.parse(JSON.stringify(text)) as string;
}

test("equal values become one frozen object", () => {
  const interner = new Interner();
  const first = interner.value({ name: "main", mounts: [{ path: "/data" }] });
  expect(interner.value({ name: "main", mounts: [{ path: "/data" }] })).toBe(first);
  expect(Object.isFrozen(first.mounts[0])).toBe(true);
});

test("values that differ stay apart", () => {
  const interner = new Interner();
  expect(interner.value({ name: "main" })).not.toBe(interner.value({ name: "side" }));
  expect(interner.value(["a"])).not.toEqual(interner.value({ 0: "a" }));
  expect(interner.text(`{"name":"${image}"}`)).not.toEqual(interner.value({ name: image }));
});

test("text is returned unchanged, whatever its length", () => {
  const interner = new Interner();
  for (const text of ["", "short", image, image, "x".repeat(10_000)]) expect(interner.text(copyOf(text))).toBe(text);
});

test("a value that is used again and again stays the same object among thousands of others", () => {
  const interner = new Interner();
  const first = interner.value({ name: "main" });
  const later = Array.from({ length: 10_000 }, (_, other) => {
    interner.value({ other });
    return interner.value({ name: "main" });
  });
  expect(later.every((value) => value === first)).toBe(true);
});

test("a value that was not used for a while is forgotten", () => {
  const interner = new Interner();
  const first = interner.value({ name: "main" });
  for (let other = 0; other < 10_000; other += 1) interner.value({ other });
  expect(interner.value({ name: "main" })).not.toBe(first);
});

test("a very large value is left alone", () => {
  const interner = new Interner();
  const large = { note: "x".repeat(100_000) };
  expect(interner.value(large)).toBe(large);
  expect(interner.value({ ...large })).not.toBe(large);
});
