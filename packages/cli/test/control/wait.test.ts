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
  const gang = { snapshot: 2, phase: "preparing" as const, prepared: 0, total: 1, waitingFor: [] };
  let now = view(1, { gang, newest: 3 } as Partial<WorkloadView>);
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
