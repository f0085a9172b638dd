import { beforeEach, expect, test, vi } from "vitest";
import { mapping } from "../support/mapping.ts";
import { advance, Environment, key, member } from "./support/environment.ts";
import { memoryCopies } from "./support/memory-copies.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

const a = mapping("a");
const b = mapping("b");

function seen(environment: Environment, name = "p"): unknown {
  return environment.container(member(name)).seen(key(a));
}

async function save(environment: Environment, ...contents: readonly string[]): Promise<void> {
  for (const f of contents) {
    environment.source(a).save({ f });
    await advance(1_000);
  }
}

function pending(environment: Environment): unknown {
  return environment.events.findLast(({ event }) => event === "pending");
}

test("in manual mode the files of the start are synced, and changes wait until trigger", async () => {
  const environment = Environment.start([a], { releases: "manual" });
  await advance(1_000);
  expect(seen(environment)).toEqual({ f: "1" });
  await save(environment, "2", "3");
  expect(seen(environment)).toEqual({ f: "1" });
  expect(pending(environment)).toMatchObject({ why: "manual", changed: 1, paths: ["a/f"] });
  expect(environment.engine.view().workloads[0]).toMatchObject({ snapshot: 1, pending: { changed: 1 } });
  expect(environment.engine.commands.trigger()).toMatchObject([{ workload: "team/train", snapshot: 2 }]);
  await advance(1_000);
  expect(seen(environment)).toEqual({ f: "3" });
  expect(pending(environment)).toMatchObject({ why: "manual", changed: 0 });
  expect(environment.engine.commands.trigger()).toEqual([]);
  await environment.end();
});

test("a pod that starts while changes wait gets the released files, although the local ones differ by then", async () => {
  const environment = Environment.start([a], { releases: "manual", kept: memoryCopies() });
  await advance(1_000);
  await save(environment, "2");
  environment.put(member("late"));
  await advance(1_000);
  expect(seen(environment, "late")).toEqual({ f: "1" });
  await environment.end();
});

test("without a copy, a pod that starts while changes wait is stale and says what is lost", async () => {
  const environment = Environment.start([a], { releases: "manual" });
  environment.source(a).hasOldBytes = false;
  await advance(1_000);
  await save(environment, "2");
  environment.put(member("late"));
  await advance(1_000);
  expect(environment.engine.view().workloads[0]?.targets[1]).toMatchObject({
    status: "stale",
    code: "KINSYNC_SNAPSHOT_LOST",
  });
  environment.engine.commands.trigger();
  await advance(1_000);
  expect(seen(environment, "late")).toEqual({ f: "2" });
  await environment.end();
});

test("trigger for one file releases that file alone, and the folder that it is in", async () => {
  const environment = Environment.start([a, b], { releases: "manual" });
  await advance(1_000);
  environment.source(a).save({ f: "2", "new/": "", "new/x": "x", "new/y": "y" });
  environment.source(b).save({ f: "2" });
  await advance(1_000);
  environment.engine.commands.trigger({ files: [`${a.from}/new/x`] });
  await advance(1_000);
  expect(seen(environment)).toEqual({ f: "1", new: "directory", "new/x": "x" });
  expect(environment.container(member("p")).seen(key(b))).toEqual({ f: "1" });
  expect(pending(environment)).toMatchObject({ changed: 3, paths: ["a/f", "a/new/y", "b/f"] });
  environment.engine.commands.trigger({ files: [a.from] });
  await advance(1_000);
  expect(seen(environment)).toEqual({ f: "2", new: "directory", "new/x": "x", "new/y": "y" });
  environment.engine.commands.trigger({ files: ["/elsewhere"] });
  await advance(1_000);
  expect(environment.container(member("p")).seen(key(b))).toEqual({ f: "1" });
  await environment.end();
});

test("trigger for a removed file removes it", async () => {
  const environment = Environment.start([a], { releases: "manual" });
  await advance(1_000);
  environment.source(a).save({ f: "1", g: "g" });
  await advance(1_000);
  environment.engine.commands.trigger();
  await advance(1_000);
  environment.source(a).save({ g: "h" });
  await advance(1_000);
  environment.engine.commands.trigger({ files: [`${a.from}/f`] });
  await advance(1_000);
  expect(seen(environment)).toEqual({ g: "g" });
  await environment.end();
});

test("a source that vanishes halts its mapping also in manual mode", async () => {
  const environment = Environment.start([a], { releases: "manual" });
  await advance(1_000);
  environment.source(a).lose("missing");
  await advance(1_000);
  expect(environment.engine.view().workloads[0]?.targets).toMatchObject([{ status: "halted" }]);
  expect(seen(environment)).toEqual({ f: "1" });
  await environment.end();
});

test("pause holds saves, and resume releases them", async () => {
  const environment = Environment.start([a]);
  await advance(1_000);
  environment.engine.commands.pause();
  await save(environment, "2");
  expect(seen(environment)).toEqual({ f: "1" });
  expect(pending(environment)).toMatchObject({ why: "paused", changed: 1 });
  environment.engine.commands.resume();
  await advance(1_000);
  expect(seen(environment)).toEqual({ f: "2" });
  expect(environment.engine.view().workloads[0]).not.toHaveProperty("held");
  await environment.end();
});

test("undo releases the files before the last save, a late pod gets them, and the next save ends it", async () => {
  const environment = Environment.start([a], { kept: memoryCopies() });
  await advance(1_000);
  await save(environment, "2");
  expect(environment.engine.commands.undo()).toEqual([{ workload: "team/train", namespace: "ml", snapshot: 3, of: 1 }]);
  await advance(1_000);
  environment.put(member("late"));
  await advance(1_000);
  expect([seen(environment), seen(environment, "late")]).toEqual([{ f: "1" }, { f: "1" }]);
  expect(pending(environment)).toMatchObject({ why: "undone", changed: 1 });
  await save(environment, "3");
  expect([seen(environment), seen(environment, "late")]).toEqual([{ f: "3" }, { f: "3" }]);
  expect(pending(environment)).not.toHaveProperty("why");
  await environment.end();
});

test("a second undo goes one further back, and --to names any snapshot", async () => {
  const environment = Environment.start([a], { kept: memoryCopies() });
  await advance(1_000);
  await save(environment, "2", "3");
  environment.engine.commands.undo();
  expect(environment.engine.commands.undo()).toMatchObject([{ snapshot: 5, of: 1 }]);
  await advance(1_000);
  expect(seen(environment)).toEqual({ f: "1" });
  expect(environment.engine.commands.undo({ to: 3 })).toMatchObject([{ snapshot: 6, of: 3 }]);
  await advance(1_000);
  expect(seen(environment)).toEqual({ f: "3" });
  await environment.end();
});

test("undo after a save that followed an undo goes back to what the containers held before that save", async () => {
  const environment = Environment.start([a], { kept: memoryCopies() });
  await advance(1_000);
  await save(environment, "2");
  environment.engine.commands.undo();
  await advance(1_000);
  await save(environment, "3");
  const files: unknown[] = [];
  for (let turn = 0; turn < 3; turn += 1) {
    environment.engine.commands.undo();
    await advance(1_000);
    files.push(seen(environment));
  }
  expect(files).toEqual([{ f: "1" }, { f: "2" }, { f: "1" }]);
  expect(() => environment.engine.commands.undo()).toThrow(/no earlier snapshot/);
  await environment.end();
});

test("trigger after undo releases the local files again", async () => {
  const environment = Environment.start([a], { kept: memoryCopies() });
  await advance(1_000);
  await save(environment, "2");
  environment.engine.commands.undo();
  await advance(1_000);
  environment.engine.commands.trigger();
  await advance(1_000);
  expect(seen(environment)).toEqual({ f: "2" });
  await environment.end();
});

test("undo that lacks a file names it, and changes nothing", async () => {
  const kept = memoryCopies();
  const environment = Environment.start([a], { kept });
  await advance(1_000);
  await save(environment, "2");
  kept.forget("1");
  expect(() => environment.engine.commands.undo()).toThrow(
    /snapshot 1 cannot be released again: no copy is left of a\/f/,
  );
  await advance(1_000);
  expect(seen(environment)).toEqual({ f: "2" });
  await save(environment, "3");
  expect(seen(environment)).toEqual({ f: "3" });
  await environment.end();
});

test("undo without an earlier snapshot says so", async () => {
  const environment = Environment.start([a], { kept: memoryCopies() });
  await advance(1_000);
  expect(() => environment.engine.commands.undo()).toThrow(/no earlier snapshot/);
  expect(() => environment.engine.commands.undo({ to: 7 })).toThrow(/no snapshot 7; kept are 1 to 1/);
  await environment.end();
});

test("undo of several workloads changes all or none, and leaves those without an earlier snapshot as they are", async () => {
  const environment = new Environment({ workloads: { one: [a], two: [b] }, kept: memoryCopies() });
  environment.put(member("p", { teams: ["one", "two"] }));
  environment.run();
  for (const each of [a, b]) environment.source(each).save({ f: "1" });
  await advance(1_000);
  await save(environment, "2");
  const undo = (options?: { readonly to: number }) => environment.engine.commands.undo(options);
  expect(() => undo({ to: 2 })).toThrow(/^team\/two: there is no snapshot 2; kept are 1 to 1; nothing was undone$/);
  await advance(1_000);
  expect(seen(environment)).toEqual({ f: "2" });
  expect(undo()).toMatchObject([{ workload: "team/one", snapshot: 3, of: 1 }]);
  await advance(1_000);
  expect(seen(environment)).toEqual({ f: "1" });
  expect(() => undo()).toThrow(/^team\/one: there is no earlier snapshot/);
  await environment.end();
});

test("the history has each released snapshot, what it changed, and who holds it", async () => {
  const environment = Environment.start([a], { kept: memoryCopies() });
  await advance(1_000);
  await save(environment, "2");
  environment.engine.commands.undo();
  await advance(1_000);
  expect(environment.engine.commands.history()).toMatchObject([
    {
      workload: "team/train",
      current: 3,
      snapshots: [
        { number: 1, origin: "save", files: 1, changed: 1, paths: ["f"], targets: [] },
        { number: 2, origin: "save", changed: 1, targets: [] },
        { number: 3, origin: "undo", of: 1, changed: 1, targets: [expect.stringContaining("pod/p, container")] },
      ],
    },
  ]);
  await environment.end();
});

test("a command for a workload that the run does not have is refused with those that it has", async () => {
  const environment = Environment.start([a]);
  await advance(1_000);
  expect(() => environment.engine.commands.trigger({ workload: "team/other" })).toThrow(/team\/train in namespace ml/);
  await environment.end();
});
