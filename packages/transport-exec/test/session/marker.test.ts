import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { OpenContext } from "@kinsync/core/contract";
import { MarkerWriter } from "../../src/session/marker.ts";

const context = { runId: "r", owner: "ada@laptop", since: "2026-01-01T00:00:00.000Z" } as OpenContext;

const NOW = "2026-01-02T03:04:05.678Z";

beforeEach(() => {
  vi.useFakeTimers({ now: new Date(NOW) });
});

afterEach(() => {
  vi.useRealTimers();
});

test("a marker says when it was written", () => {
  const marker = new MarkerWriter(context, "1").write({ key: "k" }, { snapshot: 1, tree: "" });
  expect(JSON.parse(marker)).toHaveProperty("at", NOW);
});

test("a marker says from which machine and folder its files came", () => {
  const writer = new MarkerWriter({ ...context, host: "laptop" }, "1");
  expect(JSON.parse(writer.write({ key: "k", from: '/home/a "b"/src' }, { snapshot: 1, tree: "" }))).toMatchObject({
    runId: "r",
    origin: { host: "laptop", folder: '/home/a "b"/src' },
  });
});

test.each([
  ["the machine", context, "/src"],
  ["the folder", { ...context, host: "laptop" }, undefined],
])("a marker has no origin where %s is not known", (_, given, from) => {
  const root = { key: "k", ...(from === undefined ? {} : { from }) };
  expect(JSON.parse(new MarkerWriter(given, "1").write(root, { snapshot: 1, tree: "" }))).not.toHaveProperty("origin");
});

const ROOT = { key: "k", from: "/src" };
const HELD = { snapshot: 123_456, tree: "a".repeat(64) };

test("a claim and every commit of one root have markers of one length", () => {
  const writer = new MarkerWriter({ ...context, host: "laptop" }, "1");
  const lengths = [writer.write(ROOT, { snapshot: 0, tree: "" }), writer.write(ROOT, HELD)].map(({ length }) => length);
  expect(new Set(lengths).size).toBe(1);
});

test("a marker that names what is owed is longer, and so are those of its root that are written over it", () => {
  const writer = new MarkerWriter({ ...context, host: "laptop" }, "1");
  const plain = writer.write(ROOT, HELD);
  const owed = ["größe.txt", "line\nbreak"];
  const owing = writer.write(ROOT, { ...HELD, owed });
  expect(JSON.parse(owing)).toMatchObject({ ...HELD, owed });
  expect(Buffer.byteLength(owing)).toBe(owing.length);
  const after = writer.write(ROOT, HELD);
  expect(JSON.parse(after)).toEqual(JSON.parse(plain));
  expect(after).toHaveLength(owing.length);
  expect(writer.write({ ...ROOT, key: "other" }, HELD)).toHaveLength(plain.length);
});
