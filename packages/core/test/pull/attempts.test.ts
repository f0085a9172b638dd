import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { PullEntry } from "../../src/contract/pull.ts";
import { KinsyncError } from "../../src/errors/error.ts";
import { pullFake, type Ran } from "./support/fake-pull.ts";
import { createSandbox } from "./support/sandbox.ts";

const file = (path: string): PullEntry => ({ path, type: "file" });
const BIG = "0123456789".repeat(1_000);
const lost = (times: number) => ({ error: new KinsyncError("KINSYNC_TARGET_LOST", "the connection ended"), times });
const typesOf = ({ events }: Ran): readonly string[] =>
  events.map(({ type }) => type).filter((type) => type !== "progress");

test("a connection that is lost in the middle of a file is opened again, and the file goes on behind the bytes that arrived", async () => {
  using box = createSandbox();
  const container = { entries: [file("a"), file("big"), file("z")], files: { big: BIG }, cutAfter: 4_500 };
  const ran = await pullFake(container, box.to, { lost: lost(1) });
  expect(ran.error).toBeUndefined();
  expect(readFileSync(join(box.to, "big"), "utf8")).toBe(BIG);
  expect(ran.sent).toEqual({ a: 1, big: BIG.length, z: 1 });
  expect(typesOf(ran)).toEqual(["started", "retry", "done"]);
  expect(ran.done).toMatchObject({ written: 3, unchanged: 0, leftOut: 0, resumedBytes: 0, isComplete: true });
  expect(ran.done?.bytes).toBe(BIG.length + 2);
});

test("as long as bytes arrive, it goes on after any number of losses", async () => {
  using box = createSandbox();
  const container = { entries: [file("big")], files: { big: BIG }, cutAfter: 1_000 };
  const ran = await pullFake(container, box.to, { lost: lost(100) });
  expect(ran.error).toBeUndefined();
  expect(ran.sent).toEqual({ big: BIG.length });
  expect(typesOf(ran).filter((type) => type === "retry")).toHaveLength(9);
});

test("without a byte it ends after five attempts, with the last error, and what arrived stays", async () => {
  using box = createSandbox();
  const container = { entries: [file("a"), file("big")], files: { a: "", big: BIG }, cutAfter: 0 };
  const ran = await pullFake(container, box.to, { lost: lost(100) });
  expect(ran.error).toMatchObject({ code: "KINSYNC_TARGET_LOST" });
  expect(typesOf(ran).filter((type) => type === "retry").length).toBeLessThanOrEqual(5);
  expect(existsSync(join(box.to, "a"))).toBe(true);
  expect(existsSync(join(box.to, "big"))).toBe(false);
});

test("what was left out is reported once, and a local file that differs stays in each attempt", async () => {
  using box = createSandbox();
  writeFileSync(join(box.to, "mine"), "my own");
  const entries = [file("../out"), file("big"), file("mine"), { path: "pipe", type: "other" } as const];
  const ran = await pullFake({ entries, files: { big: BIG }, cutAfter: 2_500 }, box.to, { lost: lost(3) });
  expect(ran.error).toBeUndefined();
  expect(ran.leftOut).toEqual({ "../out": "name", mine: "exists", pipe: "type" });
  expect(ran.events.filter(({ type }) => type === "left-out")).toHaveLength(3);
  expect(ran.done).toMatchObject({ written: 1, leftOut: 3, isComplete: false });
  expect(readFileSync(join(box.to, "mine"), "utf8")).toBe("my own");
});

test("an error that does not pass is not repeated", async () => {
  using box = createSandbox();
  const gone = { error: new KinsyncError("KINSYNC_TARGET_GONE", "the container ended"), times: 1 };
  const ran = await pullFake({ entries: [file("big")], files: { big: BIG }, cutAfter: 1_500 }, box.to, { lost: gone });
  expect(ran.error).toMatchObject({ code: "KINSYNC_TARGET_GONE" });
  expect(typesOf(ran)).toEqual(["started"]);
});
