import { expect, test, vi } from "vitest";
import { KinsyncError } from "../../../src/errors/error.ts";
import { TargetFixture } from "./support/target-fixture.ts";

test("a restarted container gets the whole tree", async () => {
  await using target = new TargetFixture();
  const files = target.files("src");
  files.set({ a: "1" });
  target.start({ files: [files] });
  await target.until(target.synced(1));
  target.container.restart();
  target.events.length = 0;
  await target.until(target.synced(1));
  expect(target.container.seen("src")).toEqual({ a: "1" });
  expect(target.container.sessions).toBe(2);
});

test("a lost acknowledgement leads to a new inventory and a retry", async () => {
  await using target = new TargetFixture();
  const files = target.files("src");
  files.set({ a: "1" });
  target.start({ files: [files] });
  await target.until(target.synced(1));
  target.container.failNext("commit", new KinsyncError("KINSYNC_TARGET_LOST", "no answer"));
  files.set({ a: "2" });
  await target.until(target.synced(2));
  expect(target.container.seen("src")).toEqual({ a: "2" });
  expect(target.events).toContain("retry KINSYNC_TARGET_LOST");
  expect(target.container.log.filter((line) => line.startsWith("inventory")).length).toBeGreaterThanOrEqual(2);
});

test("an error that needs the user fails the target, and the next save retries", async () => {
  await using target = new TargetFixture();
  target.container.failNext("commit", new KinsyncError("KINSYNC_TARGET_DENIED", "not yours"));
  const files = target.files("src");
  files.set({ a: "1" });
  target.start({ files: [files] });
  await target.until(() => target.worker.status === "failed" && target.worker.idle);
  expect(target.worker.reason).toBe("not yours");
  target.worker.enqueue();
  files.set({ a: "2" });
  await target.until(target.synced(2));
  expect(target.container.seen("src")).toEqual({ a: "2" });
});

test("a target that failed while its session ended is idle", async () => {
  await using target = new TargetFixture();
  const files = target.files("src");
  files.set({ a: "1" });
  target.start({ files: [files] });
  await target.until(target.synced(1));
  target.container.failNext("claim", new KinsyncError("KINSYNC_TARGET_FULL", "no room", { retry: "terminal" }));
  target.container.breakConnection();
  await target.until(() => target.worker.status === "failed");
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(target.worker.idle).toBe(true);
});

test("an error that may be temporary is retried until it is gone", async () => {
  await using target = new TargetFixture();
  const lost = new KinsyncError("KINSYNC_TARGET_LOST", "refused");
  target.container.failNext("open", lost, lost, lost, lost, lost);
  const files = target.files("src");
  files.set({ a: "1" });
  target.start({ files: [files] });
  await target.until(target.synced(1));
  expect(target.events.filter((event) => event.startsWith("retry")).length).toBe(5);
});

test("a mapping that needs the user does not stop the others", async () => {
  await using target = new TargetFixture();
  const good = target.files("good");
  const bad = target.files("bad");
  good.set({ a: "1" });
  bad.set({ d: "1" });
  target.container.root("bad").files.set("d", { type: "directory", path: "d", mode: 0o755 });
  target.start({ files: [bad, good] });
  await target.until(() => target.worker.status === "failed");
  expect(target.container.seen("good")).toEqual({ a: "1" });
  expect(target.worker.reason).toContain("/bad/d is a directory that kinsync did not create");
});

test("a failed target that is enqueued reports that it is idle again", async () => {
  await using target = new TargetFixture();
  target.container.failNext("commit", new KinsyncError("KINSYNC_TARGET_DENIED", "not yours"));
  const files = target.files("src");
  files.set({ a: "1" });
  target.start({ files: [files] });
  await target.until(() => target.worker.status === "failed" && target.worker.idle);
  target.worker.enqueue();
  expect(target.worker.idle).toBe(false);
  // Checked again only after a report of the worker.
  await target.until(() => target.worker.idle);
  expect(target.worker.status).toBe("failed");
});

test("a command and a save that both find the session lost open one new session", async () => {
  await using target = new TargetFixture();
  target.container.runExitCode = 0;
  const files = target.files("src");
  files.set({ a: "1" });
  target.start({ files: [files], actions: [{ timeout: 1_000, when: ["*"], command: "x" }] });
  await target.until(() => target.events.includes("run x 0"));
  target.events.length = 0;
  // The save is delivered, then its command and the next save find the connection lost at the same time.
  target.onSynced = () => {
    target.onSynced = () => {};
    target.container.breakConnection();
    files.set({ a: "3" });
  };
  files.set({ a: "2" });
  await target.until(target.synced(3));
  await target.until(() => target.worker.idle);
  const opened = target.container.opened;
  await target.worker[Symbol.asyncDispose]();
  expect(opened.length).toBeGreaterThan(1);
  const ends = await Promise.all(
    opened.map((session) => Promise.race([session.ended, Promise.resolve("left open" as const)])),
  );
  expect(ends).not.toContain("left open");
});

test("a missing right is tried again after 15 seconds, not earlier", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  try {
    await using target = new TargetFixture();
    const forbidden = (): KinsyncError => new KinsyncError("KINSYNC_CLUSTER_FORBIDDEN", "cannot exec");
    target.container.failNext("open", forbidden(), forbidden());
    const files = target.files("src");
    files.set({ a: "1" });
    target.start({ files: [files] });
    await target.until(() => target.events.includes("retry KINSYNC_CLUSTER_FORBIDDEN"));
    await vi.advanceTimersByTimeAsync(14_000);
    expect(target.container.sessions).toBe(0);
    expect(target.events.filter((event) => event.startsWith("retry"))).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(target.events.filter((event) => event.startsWith("retry"))).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(16_000);
    await target.until(target.synced(1));
  } finally {
    vi.useRealTimers();
  }
});
