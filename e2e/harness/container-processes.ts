import { expect } from "vitest";
import type { Fixture } from "./fixture.ts";

/** Command lines of a pod's container that neither belong to its own script nor to this listing: those of kinsync. */
export async function kinsyncProcesses(fixture: Fixture, pod: string): Promise<readonly string[]> {
  const script = "cd /proc; for p in [0-9]*; do tr '\\0' ' ' <$p/cmdline; echo; done 2>/dev/null";
  const list = await fixture.kubectl.run(["exec", pod, "--", "sh", "-c", script]);
  return list.split("\n").filter((line) => line.trim() !== "" && !/36000|cmdline|^tr /.test(line));
}

/** Waits until kinsync runs no process in a pod's container, and checks that its state folder contains no staged batch. */
export async function untilNothingRemains(fixture: Fixture, pod: string): Promise<void> {
  await fixture.until(
    `kinsync runs no process in ${pod}`,
    async () => (await kinsyncProcesses(fixture, pod)).length === 0,
  );
  const script = "ls -a /app/.kinsync /app/.kinsync/* 2>/dev/null; true";
  const state = await fixture.kubectl.run(["exec", pod, "--", "sh", "-c", script]);
  expect(state.split("\n").filter((name) => /^(stage|marker)-/.test(name))).toEqual([]);
}
