import { expect, test } from "vitest";
import { KinsyncError } from "../../../src/errors/error.ts";
import { ALL_CAPABILITIES } from "../../support/capabilities.ts";
import { TargetFixture } from "./support/target-fixture.ts";

test("a batch that was handed over is accepted, and the target is not idle until it is visible", async () => {
  await using target = new TargetFixture();
  const visible = Promise.withResolvers<void>();
  target.capabilities = { ...ALL_CAPABILITIES, acknowledges: "accepted" };
  target.container.becomesVisible = visible.promise;
  const files = target.files("src");
  files.set({ a: "1" });
  target.start({ files: [files] });
  await target.until(() => target.worker.status === "accepted");
  expect(target.worker.idle).toBe(false);
  visible.resolve();
  await target.until(() => target.worker.status === "synced" && target.worker.idle);
});

test("a batch that never becomes visible makes the target stale and is sent again", async () => {
  await using target = new TargetFixture();
  const lost = new KinsyncError("KINSYNC_TARGET_TIMEOUT", "it never became visible");
  target.capabilities = { ...ALL_CAPABILITIES, acknowledges: "accepted" };
  target.container.becomesVisible = Promise.reject(lost);
  target.container.becomesVisible.catch(() => {});
  const files = target.files("src");
  files.set({ a: "1" });
  target.start({ files: [files] });
  await target.until(() => target.events.includes("retry KINSYNC_TARGET_TIMEOUT"));
  target.container.becomesVisible = undefined;
  await target.until(() => target.worker.idle && target.worker.status !== "stale");
  expect(target.container.seen("src")).toEqual({ a: "1" });
});

test("a target stays accepted if the transport reports nothing more", async () => {
  await using target = new TargetFixture();
  target.capabilities = { ...ALL_CAPABILITIES, acknowledges: "accepted" };
  const files = target.files("src");
  files.set({ a: "1" });
  target.start({ files: [files] });
  await target.until(() => target.worker.status === "accepted" && target.worker.idle);
  expect(target.worker.reason).toContain("does not report");
});

test("a file that the transport cannot hold fails the target with its path", async () => {
  await using target = new TargetFixture();
  target.capabilities = { ...ALL_CAPABILITIES, links: false, maxBytes: 2 };
  const files = target.files("src");
  files.set({ a: "123" });
  target.start({ files: [files] });
  await target.until(() => target.worker.status === "failed");
  expect(target.worker.reason).toContain("cannot hold 3 bytes");
  expect(target.container.roots.size).toBe(0);
});

test("a transport without modes neither compares nor changes modes", async () => {
  await using target = new TargetFixture();
  target.capabilities = { ...ALL_CAPABILITIES, modes: false };
  target.container.put("src", "a", "1", 0o600);
  const files = target.files("src");
  files.set({ a: "1" });
  target.start({ files: [files] });
  await target.until(target.synced(1));
  expect(target.events).toContain("synced src g1 +0 -0");
});
