import { expect, test } from "vitest";
import { TargetFixture } from "./support/target-fixture.ts";

test("an empty container gets the whole tree, and later only what differs", async () => {
  await using target = new TargetFixture();
  const files = target.files("src");
  files.set({ a: "1", b: "2" });
  target.start({ files: [files] });
  await target.until(target.synced(1));
  expect(target.container.seen("src")).toEqual({ a: "1", b: "2" });
  files.set({ a: "1", b: "3" });
  await target.until(target.synced(2));
  expect(target.container.seen("src")).toEqual({ a: "1", b: "3" });
  expect(target.container.log.filter((line) => line.startsWith("commit"))).toEqual([
    "commit src file a, file b",
    "commit src file b",
  ]);
});

test("a commit is requested within the turn of the event loop in which its stage began, so that a save can be one request", async () => {
  await using target = new TargetFixture();
  const files = target.files("src");
  for (const [index, content] of ["1", "2", "3"].entries()) {
    files.set({ a: content });
    if (index === 0) target.start({ files: [files] });
    await target.until(target.synced(index + 1));
  }
  expect(target.container.log.filter((line) => line.startsWith("commit"))).toHaveLength(3);
  expect(target.container.lateCommits).toBe(0);
});

test("a container that already holds the tree gets nothing and is synced", async () => {
  await using target = new TargetFixture();
  target.container.put("src", "a", "1");
  const files = target.files("src");
  files.set({ a: "1" });
  target.start({ files: [files] });
  await target.until(target.synced(1));
  expect(target.events).toContain("synced src g1 +0 -0");
  expect(target.container.root("src").marker?.tree).toBe(files.tree?.digest);
});

test("files that kinsync placed or found equal are deleted, and no others", async () => {
  await using target = new TargetFixture();
  target.container.put("src", "equal", "1");
  target.container.put("src", "foreign", "x");
  const files = target.files("src");
  files.set({ equal: "1", mine: "2" });
  target.start({ files: [files] });
  await target.until(target.synced(1));
  files.set({ other: "3" });
  await target.until(target.synced(2));
  expect(target.container.seen("src")).toEqual({ foreign: "x", other: "3" });
});

test("files that an earlier run placed are deleted by the manifest", async () => {
  await using target = new TargetFixture();
  target.container.put("src", "old", "1");
  target.container.root("src").placed.add("old");
  const files = target.files("src");
  files.set({ a: "1" });
  target.start({ files: [files] });
  await target.until(target.synced(1));
  expect(target.container.seen("src")).toEqual({ a: "1" });
  expect([...target.container.root("src").placed]).toEqual(["a"]);
});

test("saves that settle during a delivery are one batch", async () => {
  await using target = new TargetFixture();
  const files = target.files("src");
  files.set({ a: "1" });
  target.start({ files: [files] });
  await target.until(target.synced(1));
  const gate = Promise.withResolvers<void>();
  target.container.gate = gate.promise;
  for (let save = 2; save <= 11; save += 1) files.set({ a: String(save) });
  gate.resolve();
  await target.until(() => target.worker.status === "synced" && target.container.seen("src").a === "11");
  // The first tree, the one that was on its way, and the last of all that settled meanwhile.
  expect(target.container.log.filter((line) => line.startsWith("commit")).length).toBeLessThanOrEqual(3);
});

test("with trust nothing is sent at first contact, and a lost connection leads to a comparison", async () => {
  await using target = new TargetFixture();
  target.container.put("src", "a", "stale");
  const files = target.files("src", { initial: "trust" });
  files.set({ a: "1" });
  target.start({ files: [files] });
  await target.until(() => target.worker.status === "synced");
  expect(target.container.seen("src")).toEqual({ a: "stale" });
  target.container.breakConnection();
  await target.until(() => target.container.seen("src").a === "1");
});

test("with full everything is sent at first contact", async () => {
  await using target = new TargetFixture();
  target.container.put("src", "a", "1");
  const files = target.files("src", { initial: "full" });
  files.set({ a: "1" });
  target.start({ files: [files] });
  await target.until(target.synced(1));
  expect(target.events).toContain("synced src g1 +1 -0");
});

test("with mirror files that kinsync did not create are deleted", async () => {
  await using target = new TargetFixture();
  target.container.put("src", "foreign", "x");
  const files = target.files("src", { mirror: true });
  files.set({ a: "1" });
  target.start({ files: [files] });
  await target.until(target.synced(1));
  expect(target.container.seen("src")).toEqual({ a: "1" });
});

test("thousands of files are deleted in batches of limited size", async () => {
  await using target = new TargetFixture();
  const files = target.files("src");
  files.set(Object.fromEntries(Array.from({ length: 4_500 }, (_, index) => [`f${index}`, "x"])));
  target.start({ files: [files] });
  await target.until(target.synced(1));
  files.set({ last: "1" });
  await target.until(target.synced(2));
  expect(target.container.seen("src")).toEqual({ last: "1" });
  expect(target.container.log.filter((line) => line.startsWith("commit")).length).toBe(4);
});
