import { expect, test } from "vitest";
import type { OpenContext } from "@kinsync/core/contract";
import { MarkerWriter } from "../../src/session/marker.ts";

const context = { runId: "r", owner: "ada@laptop", since: "2026-01-01T00:00:00.000Z" } as OpenContext;

test("a marker says from which machine and folder its files came", () => {
  const writer = new MarkerWriter({ ...context, host: "laptop" }, "1");
  expect(JSON.parse(writer.write(1, "", '/home/a "b"/src'))).toMatchObject({
    runId: "r",
    origin: { host: "laptop", folder: '/home/a "b"/src' },
  });
});

test.each([
  ["the machine", context, "/src"],
  ["the folder", { ...context, host: "laptop" }, undefined],
])("a marker has no origin where %s is not known", (_, given, from) => {
  expect(JSON.parse(new MarkerWriter(given, "1").write(1, "", from))).not.toHaveProperty("origin");
});

test("a claim and every commit of one root have markers of one length", () => {
  const writer = new MarkerWriter({ ...context, host: "laptop" }, "1");
  const lengths = [writer.write(0, "", "/src"), writer.write(123_456, "a".repeat(64), "/src")].map(
    ({ length }) => length,
  );
  expect(new Set(lengths).size).toBe(1);
});
