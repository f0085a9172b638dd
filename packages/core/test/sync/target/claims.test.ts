import { expect, test } from "vitest";
import { KinsyncError } from "../../../src/errors/error.ts";
import { TargetFixture } from "./support/target-fixture.ts";

test("a target that a later run claimed halts and gets no more saves", async () => {
  await using target = new TargetFixture();
  const files = target.files("src");
  files.set({ a: "1" });
  target.start({ files: [files] });
  await target.until(target.synced(1));
  const other = await target.container.open("other", "2026-01-02T00:00:00.000Z");
  await other.claim(
    { path: "/src", shape: "directory", key: "src" },
    { snapshot: 1, tree: "", signal: AbortSignal.timeout(1000) },
  );
  files.set({ a: "2" });
  await target.until(() => target.worker.status === "halted");
  files.set({ a: "3" });
  expect(target.container.seen("src")).toEqual({ a: "1" });
});

test("a claim by an earlier session of the same run is made again", async () => {
  await using target = new TargetFixture();
  const files = target.files("src");
  files.set({ a: "1" });
  target.start({ files: [files] });
  await target.until(target.synced(1));
  target.container.failNext("commit", new KinsyncError("KINSYNC_TARGET_TAKEN", "taken over"));
  files.set({ a: "2" });
  await target.until(target.synced(2));
  expect(target.container.seen("src")).toEqual({ a: "2" });
  expect(target.events).toContain("retry KINSYNC_TARGET_LOST");
});

test("a pod that was created later stays with the later run", async () => {
  await using target = new TargetFixture();
  const other = await target.container.open("other", "2026-01-02T00:00:00.000Z");
  await other.claim(
    { path: "/src", shape: "directory", key: "src" },
    { snapshot: 1, tree: "", signal: AbortSignal.timeout(1000) },
  );
  const files = target.files("src");
  files.set({ a: "1" });
  target.start({ files: [files], force: false });
  await target.until(() => target.worker.status === "halted");
  expect(target.worker.reason).toContain("owner of other");
  expect(target.container.seen("src")).toEqual({});
});

test("a run gives back what it took from another run, and only that", async () => {
  await using target = new TargetFixture();
  const other = await target.container.open("other");
  const spec = { path: "/src", shape: "directory", key: "src" } as const;
  await other.claim(spec, { snapshot: 1, tree: "", signal: AbortSignal.timeout(1000) });
  const [src, conf] = [target.files("src"), target.files("conf")];
  src.set({ a: "1" });
  conf.set({ b: "1" });
  target.start({ files: [src, conf] });
  await target.until(() => target.worker.status === "synced");
  await target.worker.giveBack(AbortSignal.timeout(1000));
  expect(target.container.root("src").marker).toMatchObject({
    runId: "me",
    tree: expect.stringMatching(/^released:./),
  });
  expect(target.container.root("conf").marker?.tree).not.toMatch(/^released/);
});

test("a run does not give back what a third run has taken meanwhile", async () => {
  await using target = new TargetFixture();
  const spec = { path: "/src", shape: "directory", key: "src" } as const;
  const other = await target.container.open("other");
  await other.claim(spec, { snapshot: 1, tree: "", signal: AbortSignal.timeout(1000) });
  const files = target.files("src");
  files.set({ a: "1" });
  target.start({ files: [files] });
  await target.until(target.synced(1));
  const third = await target.container.open("third", "2026-01-02T00:00:00.000Z");
  await third.claim(spec, { snapshot: 1, tree: "", signal: AbortSignal.timeout(1000) });
  await target.worker.giveBack(AbortSignal.timeout(1000));
  expect(target.container.root("src").marker).toMatchObject({ runId: "third", tree: "" });
});

test("a save after a run that took the target and has left it is sent at once", async () => {
  await using target = new TargetFixture();
  const files = target.files("src");
  files.set({ a: "1" });
  target.start({ files: [files] });
  await target.until(target.synced(1));
  const spec = { path: "/src", shape: "directory", key: "src" } as const;
  const other = await target.container.open("other", "2026-01-02T00:00:00.000Z");
  await other.claim(spec, { snapshot: 1, tree: "released", signal: AbortSignal.timeout(1000) });
  files.set({ a: "2" });
  await target.until(target.synced(2));
  expect(target.container.seen("src")).toEqual({ a: "2" });
  expect(target.events.filter((event) => event.startsWith("halted"))).toEqual([]);
});
