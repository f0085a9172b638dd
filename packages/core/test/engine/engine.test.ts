import { afterEach, assert, beforeEach, expect, test, vi } from "vitest";
import { KinsyncError } from "../../src/errors/error.ts";
import { mapping } from "../support/mapping.ts";
import { PODS } from "../support/objects.ts";
import { advance, Environment, key, member, useVirtualClock } from "./support/environment.ts";

beforeEach(useVirtualClock);
afterEach(() => {
  vi.useRealTimers();
});

test("one save that touches two mappings is one snapshot", async () => {
  const a = mapping("a");
  const b = mapping("b");
  const environment = Environment.start([a, b]);
  await advance(1_000);
  environment.source(a).save({ f: "2" });
  await advance(2);
  environment.source(b).save({ f: "2", g: "2" });
  await advance(1_000);
  const snapshots = environment.events.filter(({ event }) => event === "snapshot");
  expect(snapshots).toMatchObject([
    { snapshot: 1, changed: 2 },
    { snapshot: 2, changed: 3, paths: ["f", "f", "g"], mappings: [{ mapping: "a" }, { mapping: "b" }] },
  ]);
  await environment.end();
});

test("an event names the agent of each session that opens", async () => {
  const environment = Environment.start([mapping("a")]);
  await advance(1_000);
  const sessions = environment.events.filter(({ event }) => event === "session");
  expect(sessions).toMatchObject([
    { pod: "p", container: "main", agent: "memory", choice: { reason: "the only one" } },
  ]);
  await environment.end();
});

test("a mapping that never comes to rest does not delay its own saves", async () => {
  const a = mapping("a");
  const b = mapping("b");
  const environment = Environment.start([a, b]);
  await advance(1_000);
  environment.source(a).neverRests = true;
  environment.source(a).save({ f: "2" });
  await advance(10);
  expect(environment.container(member("p")).seen(key(a))).toEqual({ f: "2" });
  await environment.end();
});

test("a single run waits for a local file that changes faster than it can be read", async () => {
  const a = mapping("a");
  const environment = new Environment({ workloads: { train: [a] }, mode: "once", wait: 60_000 });
  environment.put(member("p"));
  environment.run();
  const message = "/src/g is left out for now: it changes faster than it can be read";
  environment.source(a).problems = [new KinsyncError("KINSYNC_SOURCE_CHANGED", message)];
  environment.source(a).save({ f: "1" });
  await advance(1_000);
  expect(environment.container(member("p")).seen(key(a))).toEqual({ f: "1" });
  environment.source(a).problems = [];
  environment.source(a).save({ f: "1", g: "1" });
  const { outcome, summaries } = await environment.ended();
  expect(outcome).toMatchObject({ isDone: true, exitCode: 0 });
  expect(summaries).toMatchObject([{ unread: 0 }]);
  expect(environment.container(member("p")).seen(key(a))).toEqual({ f: "1", g: "1" });
});

test("a single run names a local file that never rested, and ends with 3", async () => {
  const a = mapping("a");
  const environment = new Environment({ workloads: { train: [a] }, mode: "once", wait: 5_000 });
  environment.put(member("p"));
  environment.run();
  const message = "/src/g is left out for now: it changes faster than it can be read";
  environment.source(a).problems = [new KinsyncError("KINSYNC_SOURCE_CHANGED", message)];
  environment.source(a).save({ f: "1" });
  const { outcome, summaries } = await environment.ended();
  expect(outcome).toMatchObject({ isDone: true, exitCode: 3 });
  expect(summaries).toMatchObject([{ synced: 1, unread: 1 }]);
  expect(environment.events).toContainEqual(expect.objectContaining({ event: "note", reason: message }));
});

test("a path that cannot be read is in the view until it can be read", async () => {
  const a = mapping("a");
  const environment = Environment.start([a], { releases: "manual" });
  const unread = new KinsyncError("KINSYNC_SOURCE_UNREADABLE", "/src/g is left out: permission denied");
  await advance(1_000);
  environment.source(a).problems = [unread, new KinsyncError("KINSYNC_SOURCE_TYPE", "/src/s is a socket")];
  environment.source(a).save({ f: "1" });
  await advance(1_000);
  expect(environment.engine.view().workloads[0]?.unread).toMatchObject({
    count: 1,
    paths: [{ reason: unread.message }],
  });
  environment.source(a).problems = [];
  environment.source(a).save({ f: "1" });
  await advance(1_000);
  expect(environment.engine.view().workloads[0]?.unread).toBeUndefined();
  await environment.end();
});

test("the view and the outcome stay true after the run", async () => {
  const a = mapping("a");
  const environment = new Environment({ workloads: { train: [a] }, mode: "once" });
  environment.put(member("p"));
  environment.put(member("q", { state: "superseded" }));
  environment.run();
  environment.source(a).save({ f: "1" });
  const { outcome, summaries } = await environment.ended();
  expect(outcome).toMatchObject({ isDone: true, exitCode: 0, problem: undefined });
  expect(summaries).toMatchObject([{ members: 2, targets: 1, synced: 1 }]);
  expect(environment.engine.view().workloads).toMatchObject([
    { name: "team/train", snapshot: 1, targets: [{ pod: "p", status: "synced", snapshot: 1 }] },
  ]);
});

test("a single run succeeds without the right to watch, and the missing right is a note", async () => {
  const a = mapping("a");
  const environment = new Environment({ workloads: { train: [a] }, mode: "once" });
  environment.cluster.setFailure(PODS, "watch-forbidden");
  environment.put(member("p"));
  environment.run();
  // The watches are requested after the lists.
  await advance(100);
  environment.source(a).save({ f: "1" });
  const { outcome } = await environment.ended();
  expect(outcome).toMatchObject({ exitCode: 0, problem: undefined });
  expect(environment.events).toContainEqual(
    expect.objectContaining({ event: "note", code: "KINSYNC_CLUSTER_FORBIDDEN" }),
  );
});

test("a run whose target another run took over reports every save that is not sent", async () => {
  const a = mapping("a");
  const environment = Environment.start([a]);
  await advance(1_000);
  const root = environment.container(member("p")).root(key(a));
  if (root.marker !== undefined) {
    root.marker = { ...root.marker, runId: "other", owner: "root@bar", since: "2026-02-01T00:00:00.000Z" };
  }
  environment.source(a).save({ f: "2" });
  await advance(1_000);
  environment.source(a).save({ f: "3" });
  await advance(1_000);
  const halted = environment.events.filter(({ event }) => event === "halted");
  expect(halted).toMatchObject([
    { pod: "p", code: "KINSYNC_TARGET_TAKEN", reason: expect.stringContaining("root@bar") },
    { pod: "p", code: "KINSYNC_TARGET_TAKEN", hint: expect.stringContaining("not sent") },
  ]);
  expect(environment.container(member("p")).seen(key(a))).toEqual({ f: "1" });
  await environment.end();
});

/** A run whose target another run took, after it missed a save. */
async function takenRun(since: string) {
  const a = mapping("a");
  const environment = Environment.start([a]);
  await advance(1_000);
  const root = environment.container(member("p")).root(key(a));
  assert(root.marker !== undefined);
  root.marker = { ...root.marker, runId: "other", owner: "root@bar", since };
  environment.source(a).save({ f: "2" });
  await advance(1_000);
  const status = () => environment.engine.view().workloads[0]?.targets[0]?.status;
  expect(status()).toBe("halted");
  return { environment, root, status, seen: () => environment.container(member("p")).seen(key(a)) };
}

test("a run whose target another run took stays away while the other one is there", async () => {
  const { environment, status, seen } = await takenRun("2026-02-01T00:00:00.000Z");
  await advance(120_000);
  expect(status()).toBe("halted");
  expect(seen()).toEqual({ f: "1" });
  expect(environment.container(member("p")).openSessions).toBe(0);
  await environment.end();
});

test("a run continues where the run that took its target has ended and left it", async () => {
  const { environment, root, status, seen } = await takenRun("2026-02-01T00:00:00.000Z");
  assert(root.marker !== undefined);
  root.marker = { ...root.marker, tree: `released:${root.marker.tree}` };
  await advance(10_000);
  expect(status()).toBe("synced");
  expect(seen()).toEqual({ f: "2" });
  await environment.end();
});

test.each(["2026-02-01T00:00:00.000Z", "2099-01-01T00:00:00.000Z"])(
  "the command reclaim takes a target back from a run that began at %s",
  async (since) => {
    const { environment, root, status, seen } = await takenRun(since);
    environment.engine.commands.reclaim();
    await advance(1_000);
    expect(status()).toBe("synced");
    expect(seen()).toEqual({ f: "2" });
    expect(root.marker?.runId).not.toBe("other");
    expect((root.marker?.since ?? "") > since || since.startsWith("2026")).toBe(true);
    await environment.end();
  },
);

test("events name the role and index that a member has now", async () => {
  const a = mapping("a");
  const environment = new Environment({ workloads: { train: [a] } });
  environment.put(member("p", { role: "canary", index: "0" }));
  environment.run();
  environment.source(a).save({ f: "1" });
  await advance(1_000);
  environment.put(member("p", { role: "stable", index: "1" }));
  await advance(1_000);
  environment.source(a).save({ f: "2" });
  await advance(1_000);
  const synced = environment.events.filter(({ event }) => event === "synced");
  expect(synced).toMatchObject([
    { role: "canary", index: "0" },
    { role: "stable", index: "1" },
  ]);
  await environment.end();
});

test("a local file that changes while it is sent costs a retry, not the session", async () => {
  const a = mapping("a");
  const environment = Environment.start([a]);
  await advance(1_000);
  const { sessions } = environment.container(member("p"));
  environment.source(a).breakContent();
  environment.source(a).save({ f: "2" });
  await advance(1_000);
  environment.source(a).save({ f: "3" });
  await advance(1_000);
  expect(environment.container(member("p")).seen(key(a))).toEqual({ f: "3" });
  expect(environment.container(member("p")).sessions).toBe(sessions);
  expect(environment.events.filter(({ event }) => event === "failed" || event === "retry")).toEqual([]);
  await environment.end();
});

test("the command trigger retries a failed target at once, and rescan settles", async () => {
  const a = mapping("a");
  const environment = Environment.start([a]);
  await advance(1_000);
  environment.container(member("p")).failNext("commit", new KinsyncError("KINSYNC_TARGET_DENIED", "not writable"));
  environment.source(a).save({ f: "2" });
  await advance(60_000);
  expect(environment.engine.view().workloads[0]?.targets).toMatchObject([{ status: "failed" }]);
  await environment.engine.commands.trigger();
  await advance(10);
  expect(environment.engine.view().workloads[0]?.targets).toMatchObject([{ status: "synced" }]);
  await environment.engine.commands.rescan();
  await environment.end();
});

test("every event of workloads with one name in two namespaces has the namespace", async () => {
  const a = mapping("a");
  const environment = Environment.start([a]);
  await advance(1_000);
  await environment.end();
  expect(environment.events.every(({ namespace }) => namespace === "ml")).toBe(true);
});
