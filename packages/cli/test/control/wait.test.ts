import type { Engine, EngineView } from "@kinsync/core";
import { expect, test } from "vitest";
import { waitForSnapshot } from "../../src/control/wait.ts";

type WorkloadView = EngineView["workloads"][number];

/** A workload whose only target holds a snapshot. */
function view(holds: number, parts: Partial<WorkloadView>): EngineView {
  const target = {
    pod: "web-0",
    uid: "u",
    container: "main",
    containerId: "c",
    mappings: ["sync[0]"],
    status: "synced" as const,
    snapshot: holds,
    files: 1,
    duration: 1,
    reason: "",
  };
  const workload = { name: "sts/web", namespace: "default", resolution: undefined, mappings: [], snapshot: holds };
  return { workloads: [{ ...workload, targets: [target], ...parts }] };
}

test("`wait` for the local files of now waits for a save that is behind the candidate of a gang", async () => {
  const gang = { snapshot: 2, phase: "preparing", prepared: 0, needed: 1, members: 1, waitingFor: [] } as const;
  let now = view(1, { gang, newest: 3 });
  let onEvent = (): void => {};
  const commands = { rescan: () => Promise.resolve() } as Engine["commands"];
  const engine = { view: () => now, commands };
  const next = (listener: () => void): (() => void) => {
    onEvent = listener;
    return () => {};
  };
  let isOver = false;
  const waiting = waitForSnapshot(engine, { command: "wait", timeout: 20_000 }, next, new AbortController().signal);
  void waiting.then(() => (isOver = true));
  const move = async (to: EngineView): Promise<void> => {
    now = to;
    onEvent();
    await new Promise((resolve) => setTimeout(resolve, 50));
  };
  await move(view(2, { newest: 3 }));
  expect(isOver).toBe(false);
  await move(view(3, {}));
  expect(await waiting).toMatchObject({ reached: true, workloads: [{ wanted: 3 }] });
});

/** What `wait` for the local files of now answers while a run stays as it is; `undefined`: nothing within a second. */
async function answerOf(now: EngineView): Promise<unknown> {
  const engine = { view: () => now, commands: { rescan: () => Promise.resolve() } as Engine["commands"] };
  const stop = new AbortController();
  const waiting = waitForSnapshot(engine, { command: "wait", timeout: 20_000 }, () => () => {}, stop.signal);
  waiting.catch(() => {});
  const answer = await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 1_000))]);
  stop.abort();
  return answer;
}

/** A target that a failed command holds. */
function heldView(parts: Partial<WorkloadView>): EngineView {
  const { workloads } = view(1, parts);
  const failedRuns = [{ command: "pip", reason: "ended with exit code 1", output: "", holds: true }];
  const held = { status: "failed" as const, code: "KINSYNC_RUN_FAILED" as const, failedRuns };
  return {
    workloads: workloads.map((each) => ({ ...each, targets: each.targets.map((target) => ({ ...target, ...held })) })),
  };
}

test("`wait` ends at once where a command failed and `hooks.after` therefore never runs", async () => {
  const local = [{ what: "after" as const, command: "say", phase: "waiting" as const, snapshot: 1 }];
  expect(await answerOf(heldView({ local }))).toMatchObject({ reached: false, why: "failed" });
});

test("`wait` waits for `hooks.before` where a command failed after the snapshot before", async () => {
  expect(await answerOf(heldView({ before: { phase: "running", reason: "make" } }))).toBeUndefined();
});
