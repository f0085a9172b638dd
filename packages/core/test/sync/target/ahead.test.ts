import { expect, test } from "vitest";
import { KinsyncError } from "../../../src/errors/error.ts";
import { TargetFixture, type MappedFiles } from "./support/target-fixture.ts";

const lost = (): KinsyncError => new KinsyncError("KINSYNC_TARGET_LOST", "the connection was lost");

async function synced(target: TargetFixture, ...all: readonly MappedFiles[]): Promise<void> {
  for (const files of all) files.set({ a: "1" });
  target.start({ files: all });
  await target.until(target.synced(1));
}

const isPrepared = (target: TargetFixture) => (): boolean => target.worker.preparation?.state === "prepared";
const commits = ({ container }: TargetFixture): number =>
  container.log.filter((line) => line.startsWith("commit")).length;

test("a candidate is staged and not shown, and the target is idle meanwhile", async () => {
  await using target = new TargetFixture();
  const files = target.files("src");
  await synced(target, files);
  target.propose(files, { a: "2" });
  await target.until(isPrepared(target));
  expect(target.container.seen("src")).toEqual({ a: "1" });
  expect(target.worker).toMatchObject({ status: "syncing", idle: true, snapshot: 1 });
  expect(target.worker.reason).toBe("prepared for snapshot 2; waiting for the other members");
});

test("a released candidate is committed as it was staged", async () => {
  await using target = new TargetFixture();
  const [one, two] = [target.files("one", { to: "/one" }), target.files("two", { to: "/two" })];
  await synced(target, one, two);
  target.propose(one, { a: "2" });
  target.propose(two, { a: "2" });
  await target.until(isPrepared(target));
  const gate = Promise.withResolvers<void>();
  target.container.gates.set("one", gate.promise);
  target.release();
  // Both commits are requested at once.
  await target.until(() => target.container.seen("two").a === "2");
  expect(target.container.seen("one")).toEqual({ a: "1" });
  gate.resolve();
  await target.until(() => target.worker.status === "synced" && target.worker.snapshot === 3);
  expect(target.container.seen("one")).toEqual({ a: "2" });
  expect(target.container.storage.inventories).toBe(4);
  expect(commits(target)).toBe(4);
});

test("a candidate that is given up is dropped", async () => {
  await using target = new TargetFixture();
  const files = target.files("src");
  await synced(target, files);
  target.propose(files, { a: "2" });
  await target.until(isPrepared(target));
  target.giveUp();
  await target.until(() => target.worker.status === "synced");
  expect(target.container.discarded).toBe(1);
  expect(target.container.seen("src")).toEqual({ a: "1" });
  expect(target.worker.preparation).toBeUndefined();
});

test("a session that ends at the barrier makes the target prepare again", async () => {
  await using target = new TargetFixture();
  const files = target.files("src");
  await synced(target, files);
  target.propose(files, { a: "2" });
  await target.until(isPrepared(target));
  target.container.breakConnection();
  await target.until(() => target.worker.preparation?.state === "preparing");
  await target.until(isPrepared(target));
  expect(target.container.sessions).toBe(2);
  target.release();
  await target.until(() => target.worker.snapshot === 2);
  expect(target.container.seen("src")).toEqual({ a: "2" });
  // What the first session had staged was not committed.
  expect(target.events.filter((event) => event.startsWith("retry"))).toEqual([]);
});

test("a session that ends together with the release leads to a comparison, as any lost session", async () => {
  await using target = new TargetFixture();
  const files = target.files("src");
  await synced(target, files);
  target.propose(files, { a: "2" });
  await target.until(isPrepared(target));
  target.container.breakConnection();
  target.release();
  await target.until(() => target.worker.snapshot === 2);
  expect(target.container.seen("src")).toEqual({ a: "2" });
});

test("a target that cannot stage is failing until it can", async () => {
  await using target = new TargetFixture();
  const files = target.files("src");
  await synced(target, files);
  target.container.failNext("stage", lost());
  target.propose(files, { a: "2" });
  await target.until(() => target.worker.preparation?.state === "failing");
  expect(target.worker).toMatchObject({ status: "stale", reason: "the connection was lost" });
  await target.until(isPrepared(target));
  expect(target.container.seen("src")).toEqual({ a: "1" });
});

test("a target that does not hold the released snapshot gets it before it prepares", async () => {
  await using target = new TargetFixture();
  const files = target.files("src");
  await synced(target, files);
  target.container.put("src", "a", "drifted");
  target.container.breakConnection();
  target.propose(files, { a: "2" });
  await target.until(isPrepared(target));
  expect(target.container.seen("src")).toEqual({ a: "1" });
});

test("commands wait until they may start, and a candidate that is given up starts none", async () => {
  await using target = new TargetFixture();
  const files = target.files("src");
  files.set({ a: "1" });
  target.start({ files: [files], actions: [{ when: ["a"], command: ["restart"], timeout: 1_000 }] });
  const runs = (): number => target.container.log.filter((line) => line === "run restart").length;
  await target.until(() => runs() === 1);
  target.propose(files, { a: "2" });
  await target.until(isPrepared(target));
  target.giveUp();
  await target.until(() => target.worker.status === "synced" && target.worker.idle);
  expect(runs()).toBe(1);
  target.mayAct = false;
  target.propose(files, { a: "3" });
  await target.until(isPrepared(target));
  target.release();
  await target.until(() => target.worker.status === "synced" && target.worker.idle);
  expect(runs()).toBe(1);
  target.mayAct = true;
  target.worker.startActions();
  await target.until(() => runs() === 2);
});
