// In more than 300 lines: each test is one situation of the same gang.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { restartAction } from "../../../src/mapping/action.ts";
import { KinsyncError } from "../../../src/errors/error.ts";
import { mapping } from "../../support/mapping.ts";
import { expectNothingOpen } from "../support/check.ts";
import { advance, key, member, useVirtualClock } from "../support/environment.ts";
import { a, ALL, GangEnvironment } from "./support/gang-environment.ts";

beforeEach(useVirtualClock);
afterEach(() => {
  vi.useRealTimers();
});

const full = (): KinsyncError => new KinsyncError("KINSYNC_TARGET_DENIED", "no space left on the device");
const lost = (): KinsyncError => new KinsyncError("KINSYNC_TARGET_LOST", "the connection was lost");

async function end(gang: GangEnvironment): Promise<number> {
  const { outcome } = await gang.environment.end();
  expectNothingOpen(gang.environment);
  expect(vi.getTimerCount()).toBe(0);
  return outcome.exitCode;
}

test("all members get the first snapshot and each save", async () => {
  const gang = new GangEnvironment(3);
  await advance(1_000);
  expect(gang.seen).toEqual(["1", "1", "1"]);
  await gang.save("2");
  expect(gang.seen).toEqual(["2", "2", "2"]);
  expect(gang.statuses).toEqual(["synced", "synced", "synced"]);
  expect(gang.phases).toEqual(["preparing 1", "released 1", "committed 1", "preparing 2", "released 2", "committed 2"]);
  expect(gang.view.gang).toBeUndefined();
  expect(await end(gang)).toBe(0);
});

test("nobody shows new bytes while one member still stages them", async () => {
  const gang = new GangEnvironment(3);
  await advance(1_000);
  const gate = Promise.withResolvers<void>();
  gang.container(1).stageGate = gate.promise;
  await gang.save("2");
  expect(gang.seen).toEqual(["1", "1", "1"]);
  expect(gang.view.gang).toMatchObject({ phase: "preparing", snapshot: 2, prepared: 2, needed: 3, members: 3 });
  expect(gang.view.snapshot).toBe(1);
  gate.resolve();
  await advance(100);
  expect(gang.seen).toEqual(["2", "2", "2"]);
  expect(await end(gang)).toBe(0);
});

test("a member that cannot stage is named, the others keep what they have, and a later save replaces the candidate", async () => {
  const gang = new GangEnvironment(3);
  await advance(1_000);
  gang.container(1).failNext("stage", full());
  await gang.save("2");
  expect(gang.seen).toEqual(["1", "1", "1"]);
  expect(gang.statuses).toEqual(["syncing", "failed", "syncing"]);
  expect(gang.last).toMatchObject({
    phase: "held",
    snapshot: 2,
    prepared: 2,
    needed: 3,
    waitingFor: [{ target: "pod/p1, container main", reason: "no space left on the device" }],
  });
  await gang.save("3");
  expect(gang.seen).toEqual(["3", "3", "3"]);
  expect(gang.phases.slice(3)).toEqual([
    "preparing 2",
    "held 2",
    "given-up 2",
    "preparing 3",
    "released 3",
    "committed 3",
  ]);
  expect(gang.container(0).discarded).toBe(1);
  expect(await end(gang)).toBe(0);
});

test("a member that fails for a moment prepares at its next attempt", async () => {
  const gang = new GangEnvironment(2);
  await advance(1_000);
  gang.container(1).failNext("stage", lost());
  await gang.save("2", 10);
  expect(gang.seen).toEqual(["1", "1"]);
  await advance(2_000);
  expect(gang.seen).toEqual(["2", "2"]);
  expect(await end(gang)).toBe(0);
});

test("a save while members prepare waits until the candidate is released", async () => {
  const gang = new GangEnvironment(2);
  await advance(1_000);
  const gate = Promise.withResolvers<void>();
  gang.container(1).stageGate = gate.promise;
  await gang.save("2");
  await gang.save("3");
  await gang.save("4");
  expect(gang.seen).toEqual(["1", "1"]);
  gang.container(1).stageGate = Promise.resolve();
  gate.resolve();
  await advance(1_000);
  expect(gang.seen).toEqual(["4", "4"]);
  expect(gang.phases.filter((phase) => phase.startsWith("released"))).toEqual([
    "released 1",
    "released 2",
    "released 4",
  ]);
  expect(await end(gang)).toBe(0);
});

test("a member that joins gets the released snapshot at once, and takes part in the barrier", async () => {
  const gang = new GangEnvironment(2);
  await advance(1_000);
  const gate = Promise.withResolvers<void>();
  gang.container(1).stageGate = gate.promise;
  await gang.save("2");
  gang.environment.put(member("p2"));
  await advance(1_000);
  expect(gang.seen).toEqual(["1", "1", "1"]);
  expect(gang.view.gang).toMatchObject({ prepared: 2, members: 3 });
  gate.resolve();
  await advance(1_000);
  expect(gang.seen).toEqual(["2", "2", "2"]);
  expect(await end(gang)).toBe(0);
});

test("a member that leaves holds nothing", async () => {
  const gang = new GangEnvironment(2);
  await advance(1_000);
  gang.container(1).failNext("stage", full());
  await gang.save("2");
  expect(gang.seen[0]).toBe("1");
  gang.environment.remove(member("p1"));
  await advance(1_000);
  expect(gang.seen[0]).toBe("2");
  expect(await end(gang)).toBe(0);
});

test("a container that restarts at the barrier is waited for", async () => {
  const gang = new GangEnvironment(2);
  await advance(1_000);
  const gate = Promise.withResolvers<void>();
  gang.container(1).stageGate = gate.promise;
  await gang.save("2");
  gang.environment.put(member("p0", { restarts: 1 }));
  gang.container(0).breakConnection();
  await advance(1_000);
  expect(gang.environment.container(member("p0", { restarts: 1 })).seen(key(a))).toEqual({ f: "1" });
  gate.resolve();
  await advance(1_000);
  expect(gang.environment.container(member("p0", { restarts: 1 })).seen(key(a))).toEqual({ f: "2" });
  expect(gang.container(0).seen(key(a))).toEqual({ f: "1" });
  expect(await end(gang)).toBe(0);
});

test("a member that loses its connection while it waits prepares again", async () => {
  const gang = new GangEnvironment(2);
  await advance(1_000);
  const gate = Promise.withResolvers<void>();
  gang.container(1).stageGate = gate.promise;
  await gang.save("2");
  gang.container(0).breakConnection();
  await advance(2_000);
  expect(gang.view.gang).toMatchObject({ prepared: 1 });
  expect(gang.container(0).opened).toHaveLength(2);
  gate.resolve();
  await advance(100);
  expect(gang.seen).toEqual(["2", "2"]);
  expect(await end(gang)).toBe(0);
});

test("a member lost between barrier and commit is brought up to date, and the others keep the new snapshot", async () => {
  const gang = new GangEnvironment(2);
  await advance(1_000);
  gang.container(1).failNext("commit", lost(), lost());
  await gang.save("2", 0);
  await advance(50);
  expect(gang.seen).toEqual(["2", "1"]);
  await advance(5_000);
  expect(gang.seen).toEqual(["2", "2"]);
  expect(gang.phases.slice(3)).toEqual(["preparing 2", "released 2", "committed 2"]);
  expect(await end(gang)).toBe(0);
});

test("with rollback all go back where one member does not commit", async () => {
  const gang = new GangEnvironment(3, { gang: { ...ALL, onFailure: "rollback" } });
  await advance(1_000);
  gang.container(1).failNext("commit", full());
  await gang.save("2");
  expect(gang.seen).toEqual(["1", "1", "1"]);
  expect(gang.last).toMatchObject({
    phase: "rolled-back",
    snapshot: 2,
    waitingFor: [{ target: "pod/p1, container main", reason: "no space left on the device" }],
  });
  expect(gang.statuses).toEqual(["synced", "synced", "synced"]);
  expect(gang.view.snapshot).toBe(1);
  await gang.save("3");
  expect(gang.seen).toEqual(["3", "3", "3"]);
  expect(await end(gang)).toBe(0);
});

test("with a quorum the members that can get the snapshot, and the others as soon as they can", async () => {
  const gang = new GangEnvironment(3, { gang: { ...ALL, quorum: 2 } });
  await advance(1_000);
  gang.container(1).failNext("stage", lost());
  gang.container(1).failNext("open", lost(), lost());
  await gang.save("2", 10);
  expect(gang.seen).toEqual(["2", "1", "2"]);
  await advance(5_000);
  expect(gang.seen).toEqual(["2", "2", "2"]);
  expect(await end(gang)).toBe(0);
});

test("a candidate is given up when its time is over, and `trigger` tries it again", async () => {
  const gang = new GangEnvironment(2, { gang: { ...ALL, timeoutMs: 10_000 } });
  await advance(1_000);
  gang.container(1).failNext("stage", full());
  await gang.save("2", 9_000);
  expect(gang.view.gang).toMatchObject({ phase: "held" });
  await advance(2_000);
  expect(gang.last).toMatchObject({ phase: "given-up", waitingFor: [{ target: "pod/p1, container main" }] });
  expect(gang.statuses).toEqual(["synced", "synced"]);
  expect(gang.view.gang).toMatchObject({ phase: "given-up", snapshot: 2 });
  await gang.environment.engine.commands.trigger();
  await advance(1_000);
  expect(gang.seen).toEqual(["2", "2"]);
  expect(await end(gang)).toBe(0);
});

test("a run ends with exit code 3 while a candidate is held or given up", async () => {
  for (const timeoutMs of [undefined, 5_000]) {
    const gang = new GangEnvironment(2, { gang: { ...ALL, timeoutMs } });
    await advance(1_000);
    gang.container(1).failNext("stage", full());
    await gang.save("2", 20_000);
    expect(await end(gang)).toBe(3);
  }
});

test("a single sync ends when a member cannot prepare the first snapshot", async () => {
  const gang = new GangEnvironment(2, { mode: "once" });
  gang.container(1).failNext("stage", full());
  const { outcome } = await gang.environment.ended();
  expect(outcome).toMatchObject({ isDone: true, exitCode: 3 });
  expect(gang.seen).toEqual(["", ""]);
  expectNothingOpen(gang.environment);
});

test("a single sync ends when all members hold the snapshot", async () => {
  const gang = new GangEnvironment(2, { mode: "once" });
  const { outcome } = await gang.environment.ended();
  expect(outcome).toMatchObject({ isDone: true, exitCode: 0 });
  expect(gang.seen).toEqual(["1", "1"]);
});

test("without members a snapshot is released, and the first pod gets it", async () => {
  const gang = new GangEnvironment(0);
  await advance(1_000);
  expect(gang.view.snapshot).toBe(1);
  gang.environment.put(member("p0"));
  await advance(1_000);
  expect(gang.seen).toEqual(["1"]);
  expect(await end(gang)).toBe(0);
});

test("commands of a snapshot start when all members have committed it", async () => {
  const gang = new GangEnvironment(2, { run: [{ when: ["f"], command: ["restart"], timeout: 1_000 }] });
  await advance(1_000);
  const gate = Promise.withResolvers<void>();
  gang.container(1).gate = gate.promise;
  await gang.save("2");
  const runs = (at: number): number => gang.container(at).log.filter((line) => line === "run restart").length;
  expect(gang.seen).toEqual(["2", "1"]);
  expect([runs(0), runs(1)]).toEqual([1, 1]);
  gate.resolve();
  await advance(100);
  expect([runs(0), runs(1)]).toEqual([2, 2]);
  expect(await end(gang)).toBe(0);
});

test("processes stop when all members have committed, and start when all have stopped", async () => {
  const gang = new GangEnvironment(2, { run: [restartAction({})] });
  await advance(2_000);
  const steps: string[] = [];
  for (const at of [0, 1]) {
    gang.container(at).onCommand = (what, text) => {
      const step = /kinsync-restart,(stop|start)/.exec(text)?.[1];
      if (what === "begins") steps.push(`${step} ${gang.seen.join(" ")}`);
    };
  }
  const gate = Promise.withResolvers<void>();
  gang.container(1).gate = gate.promise;
  await gang.save("2");
  expect(steps).toEqual([]);
  gate.resolve();
  await advance(2_000);
  expect(steps).toEqual(["stop 2 2", "stop 2 2", "start 2 2", "start 2 2"]);
  expect(await end(gang)).toBe(0);
});

test("a snapshot is committed when no process is being restarted: one that starts would read the files of both", async () => {
  const gang = new GangEnvironment(2, { run: [restartAction({})] });
  await advance(2_000);
  const gate = Promise.withResolvers<void>();
  gang.container(1).runGate = gate.promise;
  await gang.save("2");
  await advance(2_000);
  expect(gang.seen).toEqual(["2", "2"]);
  await gang.save("3");
  await advance(2_000);
  expect(gang.seen).toEqual(["2", "2"]);
  gate.resolve();
  await advance(4_000);
  expect(gang.seen).toEqual(["3", "3"]);
  expect(await end(gang)).toBe(0);
});

test("a save that changes no file of a restart restarts nothing", async () => {
  const gang = new GangEnvironment(2, { run: [restartAction({ when: ["other"] })] });
  await advance(2_000);
  const runs = (at: number): number => gang.container(at).log.filter((line) => line.startsWith("run ")).length;
  gang.environment.source(a).save({ f: "1", other: "1" });
  await advance(2_000);
  expect([runs(0), runs(1)]).toEqual([2, 2]);
  gang.environment.source(a).save({ f: "2", other: "1" });
  await advance(2_000);
  expect([runs(0), runs(1)]).toEqual([2, 2]);
  expect(await end(gang)).toBe(0);
});

test("commands of a candidate that is given up do not run", async () => {
  const gang = new GangEnvironment(2, { run: [{ when: ["f"], command: ["restart"], timeout: 1_000 }] });
  await advance(1_000);
  gang.container(1).failNext("stage", full());
  await gang.save("2");
  gang.environment.source(a).save({ f: "1" });
  await advance(1_000);
  expect(gang.seen).toEqual(["1", "1"]);
  expect(gang.container(0).log.filter((line) => line === "run restart")).toHaveLength(1);
  expect(await end(gang)).toBe(0);
});

test("undo, pause and manual mode make candidates as a save does", async () => {
  const gang = new GangEnvironment(2);
  const { commands } = gang.environment.engine;
  await advance(1_000);
  commands.pause();
  await gang.save("2");
  expect(gang.seen).toEqual(["1", "1"]);
  await commands.resume();
  await advance(1_000);
  expect(gang.seen).toEqual(["2", "2"]);
  commands.undo();
  await advance(1_000);
  expect(gang.seen).toEqual(["1", "1"]);
  await gang.save("3");
  expect(gang.seen).toEqual(["3", "3"]);
  expect(gang.phases.filter((phase) => phase.startsWith("preparing"))).toHaveLength(4);
  expect(await end(gang)).toBe(0);
});

test("all roots of a target are staged before any is committed", async () => {
  const b = mapping("b");
  const gang = new GangEnvironment(2, { workloads: { train: [a, b] } });
  gang.environment.source(b).save({ g: "1" });
  await advance(1_000);
  gang.container(1).failNext("stage", full());
  gang.environment.source(a).save({ f: "2" });
  gang.environment.source(b).save({ g: "2" });
  await advance(1_000);
  expect(gang.seen).toEqual(["1", "1"]);
  expect(gang.container(0).seen(key(b))).toEqual({ g: "1" });
  await gang.environment.engine.commands.trigger();
  await advance(1_000);
  expect(gang.seen).toEqual(["2", "2"]);
  expect(gang.container(0).seen(key(b))).toEqual({ g: "2" });
  expect(gang.container(1).seen(key(b))).toEqual({ g: "2" });
  expect(await end(gang)).toBe(0);
});

test("members that share their files are prepared with the one that writes them", async () => {
  const shared = { at: "/a", volume: "pvc:default/shared" };
  const gang = new GangEnvironment(3, { workloads: { train: [mapping("a", { to: "/a" })] }, volumes: [shared] });
  await advance(1_000);
  expect(gang.statuses).toEqual(["synced", "synced", "synced"]);
  await gang.save("2");
  expect(gang.statuses).toEqual(["synced", "synced", "synced"]);
  expect(gang.environment.storage(shared, undefined).commits).toHaveLength(2);
  expect(await end(gang)).toBe(0);
});

test("the history lists what was released, and apart from it the candidate that is held and the one that waits", async () => {
  const gang = new GangEnvironment(2);
  await advance(1_000);
  const history = () => gang.environment.engine.commands.history()[0];
  gang.container(1).failNext("stage", full());
  await gang.save("2");
  expect(history()).toMatchObject({
    current: 1,
    snapshots: [{ number: 1, targets: expect.arrayContaining([expect.stringContaining("pod/p0")]) }],
    candidates: [{ number: 2, phase: "held", origin: "save", changed: 1, paths: ["f"] }],
  });
  const gate = Promise.withResolvers<void>();
  gang.container(1).stageGate = gate.promise;
  await gang.save("3");
  await gang.save("4");
  expect(history()?.candidates).toMatchObject([
    { number: 3, phase: "preparing" },
    { number: 4, phase: "waiting" },
  ]);
  gate.resolve();
  await advance(1_000);
  expect(history()?.candidates).toEqual([]);
  expect(history()?.snapshots.map(({ number }) => number)).toEqual([1, 3, 4]);
  expect(await end(gang)).toBe(0);
});

test("undo goes back to what the members showed, and not to a candidate that they never got", async () => {
  const gang = new GangEnvironment(2);
  await advance(1_000);
  await gang.save("2");
  gang.container(1).failNext("stage", full());
  await gang.save("3");
  await gang.save("4");
  expect(gang.seen).toEqual(["4", "4"]);
  expect(gang.environment.engine.commands.undo()).toMatchObject([{ snapshot: 5, of: 2 }]);
  await advance(1_000);
  expect(gang.seen).toEqual(["2", "2"]);
  gang.container(1).failNext("stage", full());
  // The members show the files that the first undo brought back.
  await gang.save("6");
  expect(gang.environment.engine.commands.undo()).toMatchObject([{ of: 2 }]);
  await gang.environment.end();
});
