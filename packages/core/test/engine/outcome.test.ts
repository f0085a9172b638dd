import { describe, expect, test } from "vitest";
import { isReady, outcome, type Elapsed, type Obstacle, type WorkloadProgress } from "../../src/engine/outcome.ts";
import { KinsyncError } from "../../src/errors/error.ts";

type Targets = Partial<WorkloadProgress["targets"]>;

function progress(targets: Targets, parts: Partial<WorkloadProgress> = {}): WorkloadProgress {
  return {
    isLocalReady: true,
    isResolved: true,
    wasReady: false,
    isHalted: false,
    targets: { waiting: 0, syncing: 0, accepted: 0, synced: 0, stale: 0, failed: 0, halted: 0, ...targets },
    busy: 0,
    atBarrier: 0,
    heldBack: undefined,
    notRunning: 0,
    failedRuns: 0,
    unread: 0,
    unstable: 0,
    obstacle: undefined,
    ...parts,
  };
}

const EARLY: Elapsed = { wait: false, obstacle: false, patience: false };
const WAITED: Elapsed = { wait: true, obstacle: true, patience: false };
const NEVER: Elapsed = { wait: true, obstacle: true, patience: true };
const obstacle = obstacleOf("KINSYNC_RESOLVE_ROLE", "no member has the role haed");
const forbidden = obstacleOf("KINSYNC_CLUSTER_FORBIDDEN", "cannot list pods");
const hook = obstacleOf("KINSYNC_RUN_LOCAL", "hooks.before ended with exit code 1");

const final: Obstacle = { ...forbidden, isFinal: true };
const lasting: Obstacle = { ...obstacle, isLasting: true };

function obstacleOf(code: Obstacle["code"], message: string): Obstacle {
  return { code, error: () => new KinsyncError(code, message) };
}

describe("the exit code", () => {
  test.each<[situation: string, code: number, ...workloads: WorkloadProgress[]]>([
    ["all targets up to date", 0, progress({ synced: 3 })],
    ["one target failed", 3, progress({ synced: 2, failed: 1 })],
    ["one target stale", 3, progress({ synced: 2, stale: 1 })],
    ["one target halted", 3, progress({ synced: 2, halted: 1 })],
    ["one target that has not shown its files yet", 3, progress({ synced: 2, accepted: 1 })],
    ["one target still syncing", 3, progress({ synced: 2, syncing: 1 })],
    ["one target not connected", 3, progress({ synced: 2, waiting: 1 })],
    ["a failed command", 3, progress({ synced: 3 }, { failedRuns: 1 })],
    ["a mapped local file that cannot be read", 3, progress({ synced: 3 }, { unread: 1 })],
    ["a container that does not run", 3, progress({ synced: 3 }, { notRunning: 1 })],
    ["local files that may not be sent", 3, progress({}, { isHalted: true })],
    ["no targets", 4, progress({})],
    ["no targets that run", 4, progress({}, { notRunning: 2 })],
    ["one workload of two without targets", 4, progress({ synced: 3 }), progress({})],
    ["one workload without targets and one that failed", 3, progress({ failed: 3 }), progress({})],
    ["a note about a watch while all targets are up to date", 0, progress({ synced: 3 }, { obstacle: undefined })],
    ["a role that no member has", 2, progress({ synced: 3 }, { obstacle })],
    ["a hook on this machine that failed", 3, progress({ synced: 3 }, { obstacle: hook })],
    ["a list that is forbidden", 5, progress({}, { obstacle: forbidden })],
  ])("%s: %i", (_situation, code, ...workloads) => {
    expect(outcome(workloads, WAITED).exitCode).toBe(code);
  });
});

describe("the end of a single run", () => {
  test.each<[situation: string, isDone: boolean, elapsed: Elapsed, ...workloads: WorkloadProgress[]]>([
    ["no workload has started", false, EARLY],
    ["a role that the spec does not have", true, EARLY, progress({ synced: 1 }, { obstacle: lasting })],
    [
      "the same while another mapping is on its way",
      false,
      EARLY,
      progress({ syncing: 1 }, { obstacle: lasting, busy: 1 }),
    ],
    ["the same while a command runs", false, EARLY, progress({ synced: 1 }, { obstacle: lasting, busy: 1 })],
    ["the same before the members are known", false, EARLY, progress({}, { obstacle: lasting, isResolved: false })],
    ["all up to date", true, EARLY, progress({ synced: 3 })],
    ["a right is missing for good", true, EARLY, progress({ stale: 3 }, { obstacle: final })],
    [
      "a right is missing, and another workload syncs",
      false,
      EARLY,
      progress({ stale: 3 }, { obstacle: final }),
      progress({ syncing: 1 }),
    ],
    ["some need the user", true, EARLY, progress({ synced: 1, failed: 1, halted: 1 })],
    ["handed over by a transport that never reports more", true, EARLY, progress({ accepted: 2 })],
    ["handed over and not visible yet", false, EARLY, progress({ accepted: 2 }, { busy: 2 })],
    ["the members are not known", false, WAITED, progress({}, { isResolved: false })],
    ["the local files are not known", false, WAITED, progress({ synced: 1 }, { isLocalReady: false })],
    ["the members are never known", true, NEVER, progress({}, { isResolved: false })],
    ["a target is being served", false, WAITED, progress({ synced: 2, syncing: 1 }, { busy: 1 })],
    ["a command is running", false, WAITED, progress({ synced: 3 }, { busy: 1 })],
    ["a target is tried again", false, EARLY, progress({ synced: 2, stale: 1 })],
    ["a target was tried until the wait was over", true, WAITED, progress({ synced: 2, stale: 1 })],
    ["a transfer goes on after the wait", false, WAITED, progress({ syncing: 1 }, { busy: 1, wasReady: true })],
    ["a container does not run yet", false, EARLY, progress({ synced: 2 }, { notRunning: 1 })],
    ["a container did not run until the wait was over", true, WAITED, progress({ synced: 2 }, { notRunning: 1 })],
    ["a local file is read again soon", false, EARLY, progress({ synced: 2 }, { unread: 1, unstable: 1 })],
    ["a local file never rested", true, WAITED, progress({ synced: 2 }, { unread: 1, unstable: 1 })],
    ["a local file that cannot be read", true, EARLY, progress({ synced: 2 }, { unread: 1 })],
    ["nobody to serve yet", false, EARLY, progress({})],
    ["nobody to serve until the wait was over", true, WAITED, progress({})],
    ["nothing may be sent", true, EARLY, progress({ waiting: 2 }, { isHalted: true })],
    ["one workload of two is done", false, EARLY, progress({ synced: 1 }), progress({})],
    ["an obstacle that may pass", false, EARLY, progress({ synced: 1 }, { obstacle, notRunning: 1 })],
    ["an obstacle that did not pass", true, WAITED, progress({ syncing: 1 }, { obstacle, busy: 1 })],
  ])("%s: %s", (_situation, isDone, elapsed, ...workloads) => {
    expect(outcome(workloads, elapsed).isDone).toBe(isDone);
  });

  test("names the obstacle of the first workload that has one", () => {
    expect(outcome([progress({ synced: 1 }), progress({}, { obstacle })], EARLY).obstacle).toBe(obstacle);
  });
});

test("once ready, a workload stays ready while its targets are served again", () => {
  expect(isReady(progress({ syncing: 1 }))).toBe(false);
  expect(isReady(progress({ syncing: 1 }, { wasReady: true }))).toBe(true);
});
