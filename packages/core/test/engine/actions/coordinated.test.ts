import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { restartAction, type ResolvedAction } from "../../../src/mapping/action.ts";
import { mapping } from "../../support/mapping.ts";
import type { MemoryContainer } from "../../support/memory-container.ts";
import { advance, Environment, member, useVirtualClock, type MemberSpec } from "../support/environment.ts";

beforeEach(useVirtualClock);
afterEach(() => {
  vi.useRealTimers();
});

const code = mapping("code", { from: "/src", to: "/app" });
const RUN: ResolvedAction = { when: ["**"], command: "reload", timeout: 1_000 };
const HEAD = member("head-0", { role: "head", index: "0" });
const WORKERS = [
  member("worker-0", { role: "worker", index: "0" }),
  member("worker-1", { role: "worker", index: "1" }),
];
const ALL = [HEAD, ...WORKERS];

/** Runs this action in a head and two workers. `commands`: what began and ended where, in order. */
function start(action: ResolvedAction, specs: readonly MemberSpec[] = ALL) {
  const environment = new Environment({ workloads: { train: [code] }, run: [action] });
  const commands: string[] = [];
  for (const spec of specs) {
    environment.put(spec);
    environment.container(spec).onCommand = (what, text) => {
      const step = /kinsync-restart,(stop|start)/.exec(text)?.[1] ?? text;
      commands.push(`${spec.name} ${step} ${what}`);
    };
  }
  environment.run();
  environment.source(code).save({ f: "1" });
  const began = (step: string): readonly string[] =>
    commands.filter((each) => each.endsWith(` ${step} begins`)).map((each) => each.split(" ")[0] as string);
  return { environment, commands, began };
}

test("an action for one member runs in one, and is owed nowhere afterwards", async () => {
  const { environment, began } = start({ ...RUN, on: "one" });
  await advance(2_000);
  expect(began("reload")).toHaveLength(1);
  for (const spec of ALL) {
    expect([...environment.container(spec).roots.values()].map(({ marker }) => marker?.owed)).toEqual([undefined]);
  }
  environment.source(code).save({ f: "2" });
  await advance(2_000);
  expect(began("reload")).toHaveLength(2);
  expect(await environment.end()).toMatchObject({ outcome: { exitCode: 0 } });
});

test("an action for the leader runs in index 0 of each role", async () => {
  const { environment, began } = start({ ...RUN, on: "leader" });
  await advance(2_000);
  expect(began("reload").toSorted()).toEqual(["head-0", "worker-0"]);
  await environment.end();
});

test("the head runs its command when those of the workers have ended, although it had the files first", async () => {
  const { environment, commands } = start({ ...RUN, order: ["worker", "head"] });
  const gate = Promise.withResolvers<void>();
  for (const worker of WORKERS) environment.container(worker).runGate = gate.promise;
  await advance(2_000);
  expect(commands.toSorted()).toEqual(["worker-0 reload begins", "worker-1 reload begins"]);
  gate.resolve();
  await advance(1_000);
  expect(commands.slice(-2)).toEqual(["head-0 reload begins", "head-0 reload ends"]);
  await environment.end();
});

test("all stop, and start when the last one has stopped; a worker that disappears at the barrier holds nobody up", async () => {
  const { environment, commands, began } = start(restartAction({ order: ["worker", "head"] }));
  const [first, second] = WORKERS as [MemberSpec, MemberSpec];
  const gate = Promise.withResolvers<void>();
  environment.container(first).runGate = gate.promise;
  await advance(2_000);
  expect(began("stop").toSorted()).toEqual(["head-0", "worker-0", "worker-1"]);
  expect(began("start")).toEqual([]);
  environment.remove(second);
  await advance(1_000);
  expect(began("start")).toEqual([]);
  gate.resolve();
  await advance(1_000);
  expect(began("start")).toEqual(["worker-0", "head-0"]);
  expect(commands.indexOf("worker-0 start ends")).toBeLessThan(commands.indexOf("head-0 start begins"));
  await environment.end();
});

test("a member that never holds the files is named after a time limit, and the others restart without it", async () => {
  const { environment, began } = start(restartAction({}));
  const stuck = environment.container(WORKERS[0] as MemberSpec);
  stuck.gate = new Promise(() => {});
  await advance(2_000);
  expect(began("stop")).toEqual([]);
  await advance(40_000, 5_000);
  expect(began("start").toSorted()).toEqual(["head-0", "worker-1"]);
  expect(environment.events).toContainEqual(
    expect.objectContaining({
      event: "note",
      code: "KINSYNC_RUN_LATE",
      reason: expect.stringContaining("pod/worker-0"),
    }),
  );
  await environment.end();
});

describe("a process that the wrapper holds since the start of its container", () => {
  /** All members hold the files, and their processes run. */
  async function running(when: readonly string[] = ["g"]) {
    const all = start(restartAction({ when, order: ["worker", "head"] }));
    await advance(2_000);
    all.commands.length = 0;
    return all;
  }

  /** The container of a worker starts again, with the files of before where a volume keeps them. */
  async function startAgain(
    { environment, commands }: ReturnType<typeof start>,
    change: (it: MemoryContainer) => void,
  ) {
    const again = { ...(WORKERS[0] as MemberSpec), restarts: 1 };
    environment.onContainer = (container) => {
      change(container);
      container.onCommand = (what, text) => {
        commands.push(`again ${/kinsync-restart,(stop|start)/.exec(text)?.[1] ?? text} ${what}`);
      };
    };
    environment.put(again);
    await advance(1_000);
    return environment.container(again);
  }

  test.each([[["g"]], [["f"]]])("starts when the container holds the files, where %j restart it", async (when) => {
    const all = await running(when);
    const container = await startAgain(all, (it) => {
      it.isHeld = true;
    });
    expect(container.isHeld).toBe(false);
    expect(all.commands).toEqual(["again stop begins", "again stop ends", "again start begins", "again start ends"]);
    await all.environment.end();
  });

  test("one that runs is not disturbed", async () => {
    const { environment, commands } = start(restartAction({ when: ["g"] }));
    await advance(2_000);
    expect(commands).toEqual([]);
    await environment.end();
  });

  test("starts although its wrapper starts late", async () => {
    const all = await running();
    const container = await startAgain(all, (it) => {
      it.isHeld = true;
      it.unanswered = 4;
    });
    expect(container.isHeld).toBe(true);
    await advance(20_000, 1_000);
    expect(container.isHeld).toBe(false);
    await all.environment.end();
  });

  test("starts although a restart that was due failed, because the wrapper was not there yet", async () => {
    const all = await running(["f"]);
    const container = await startAgain(all, (it) => {
      it.isHeld = true;
      it.unanswered = 2;
      it.exitCodes.set("kinsync-restart,stop", 96);
    });
    expect(container.isHeld).toBe(true);
    container.exitCodes.clear();
    await advance(20_000, 1_000);
    expect(container.isHeld).toBe(false);
    expect(await all.environment.end()).toMatchObject({ summaries: [{ failedRuns: 0 }], outcome: { exitCode: 0 } });
  });

  test("a container without a wrapper is left alone after some questions", async () => {
    const all = await running();
    const container = await startAgain(all, (it) => {
      it.unanswered = 1_000;
    });
    await advance(300_000, 10_000);
    expect(container.unanswered).toBe(1_000 - 7);
    expect(all.commands).toEqual([]);
    expect(await all.environment.end()).toMatchObject({ outcome: { exitCode: 0 } });
  });

  test("a start that failed is repeated when the user asks for it", async () => {
    const all = await running();
    const container = await startAgain(all, (it) => {
      it.isHeld = true;
      it.exitCodes.set("kinsync-restart,start", 7);
    });
    expect(container.isHeld).toBe(true);
    container.exitCodes.clear();
    await all.environment.engine.commands.trigger();
    await advance(1_000);
    expect(container.isHeld).toBe(false);
    expect(await all.environment.end()).toMatchObject({ summaries: [{ failedRuns: 0 }], outcome: { exitCode: 0 } });
  });
});

test("a command that holds makes its target failed until it is dismissed", async () => {
  const { environment } = start({ ...RUN, onFailure: "hold" }, [HEAD]);
  environment.container(HEAD).runExitCode = 7;
  await advance(2_000);
  const target = () => environment.engine.view().workloads[0]?.targets[0];
  expect(target()).toMatchObject({
    status: "failed",
    code: "KINSYNC_RUN_FAILED",
    failedRuns: [{ command: "reload", exitCode: 7, output: "out", holds: true }],
  });
  expect(environment.events.filter(({ event }) => event === "failed")).toMatchObject([{ code: "KINSYNC_RUN_FAILED" }]);
  expect(environment.engine.commands.dismiss()).toEqual([
    { workload: "team/train", namespace: expect.any(String), target: "pod/head-0, container main" },
  ]);
  await advance(1_000);
  expect(target()).toMatchObject({ status: "synced" });
  expect(target()).not.toHaveProperty("failedRuns");
  expect(await environment.end()).toMatchObject({ outcome: { exitCode: 0 } });
});

test("a run whose last command succeeded does not fail because of earlier ones", async () => {
  const { environment } = start(RUN, [HEAD]);
  environment.container(HEAD).runExitCode = 7;
  await advance(2_000);
  environment.container(HEAD).runExitCode = 0;
  await environment.engine.commands.trigger();
  await advance(1_000);
  expect(await environment.end()).toMatchObject({ summaries: [{ failedRuns: 0 }], outcome: { exitCode: 0 } });
});
