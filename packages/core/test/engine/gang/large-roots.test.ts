import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { KinsyncError } from "../../../src/errors/error.ts";
import { mapping } from "../../support/mapping.ts";
import { expectNothingOpen } from "../support/check.ts";
import { advance, key, useVirtualClock } from "../support/environment.ts";
import { a, GangEnvironment } from "./support/gang-environment.ts";

/** The root of `models` has a session of its own in each container: it holds more than 32 MiB. */
const LARGE = "x".repeat(33 * 1024 * 1024);
const models = mapping("models");
const realTimeout = setTimeout;

beforeEach(useVirtualClock);
afterEach(() => {
  vi.useRealTimers();
});

/** A gang of two, whose members hold snapshot 1. */
async function start(): Promise<GangEnvironment> {
  const gang = new GangEnvironment(2, { workloads: { train: [a, models] } });
  gang.environment.source(models).save({ model: LARGE, version: "1" });
  await until(() => gang.phases.includes("committed 1"));
  return gang;
}

/** The virtual clock advances slower than the real one, which 33 MiB need: no time limit passes meanwhile. */
async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 2_000 && !condition(); turn += 1) {
    await new Promise((resolve) => realTimeout(resolve, 5));
    await advance(2);
  }
  expect(condition()).toBe(true);
}

/** `f` of the small root and `version` of the large one, of each container. */
function seen(gang: GangEnvironment): readonly string[] {
  return [...gang.environment.containers.values()].map((container) => {
    const [f, version] = [container.root(key(a)).files.get("f"), container.root(key(models)).files.get("version")];
    return [f, version].map((node) => (node?.type === "file" ? node.bytes?.toString() : "")).join("/");
  });
}

function save(gang: GangEnvironment, text: string): void {
  gang.environment.source(a).save({ f: text });
  gang.environment.source(models).save({ model: text + LARGE, version: text });
}

async function end(gang: GangEnvironment): Promise<void> {
  expect((await gang.environment.end()).outcome.exitCode).toBe(0);
  expectNothingOpen(gang.environment);
}

test("nobody shows new bytes of a large or a small root while one member still stages the large one", async () => {
  const gang = await start();
  expect(seen(gang)).toEqual(["1/1", "1/1"]);
  expect([0, 1].map((at) => gang.container(at).openSessions)).toEqual([2, 2]);
  const gate = Promise.withResolvers<void>();
  gang.container(1).stageGate = gate.promise;
  save(gang, "2");
  await until(() => gang.view.gang?.prepared === 1);
  await advance(2_000, 200);
  expect(seen(gang)).toEqual(["1/1", "1/1"]);
  expect(gang.view.gang).toMatchObject({ phase: "preparing", snapshot: 2, prepared: 1, needed: 2 });
  gate.resolve();
  await until(() => gang.phases.includes("committed 2"));
  expect(seen(gang)).toEqual(["2/2", "2/2"]);
  await end(gang);
});

test("a member that cannot stage the large root holds both roots of all members, and a later save releases them", async () => {
  const gang = await start();
  const full = new KinsyncError("KINSYNC_TARGET_DENIED", "no space left on the device");
  gang.container(0).failNext("stage", full, full);
  save(gang, "2");
  await until(() => gang.view.gang?.phase === "held");
  expect(seen(gang)).toEqual(["1/1", "1/1"]);
  expect(gang.view.gang?.waitingFor).toMatchObject([{ target: "pod/p0, container main" }]);
  gang.container(0).faults.clear();
  save(gang, "3");
  await until(() => gang.phases.includes("committed 3"));
  expect(seen(gang)).toEqual(["3/3", "3/3"]);
  await end(gang);
});

test("a member whose connections break at the barrier stages the large root again, and nobody commits before it has", async () => {
  const gang = await start();
  const gate = Promise.withResolvers<void>();
  gang.container(1).stageGate = gate.promise;
  save(gang, "2");
  await until(() => gang.view.gang?.prepared === 1);
  gang.container(0).breakConnection();
  await until(() => gang.view.gang?.prepared === 0);
  await until(() => gang.view.gang?.prepared === 1);
  expect(seen(gang)).toEqual(["1/1", "1/1"]);
  gate.resolve();
  await until(() => gang.phases.includes("committed 2"));
  expect(seen(gang)).toEqual(["2/2", "2/2"]);
  await end(gang);
});

test("a root that becomes large with a save is staged through its new session, and stays as it was until the barrier", async () => {
  const gang = new GangEnvironment(2, { workloads: { train: [a, models] } });
  gang.environment.source(models).save({ version: "1" });
  await until(() => gang.phases.includes("committed 1"));
  expect([0, 1].map((at) => gang.container(at).openSessions)).toEqual([1, 1]);
  const gate = Promise.withResolvers<void>();
  gang.container(1).stageGate = gate.promise;
  save(gang, "2");
  await until(() => gang.view.gang?.prepared === 1);
  expect(seen(gang)).toEqual(["1/1", "1/1"]);
  gate.resolve();
  await until(() => gang.phases.includes("committed 2"));
  expect(seen(gang)).toEqual(["2/2", "2/2"]);
  expect([0, 1].map((at) => gang.container(at).openSessions)).toEqual([2, 2]);
  await end(gang);
});
