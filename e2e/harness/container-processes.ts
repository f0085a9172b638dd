import { expect } from "vitest";
import type { Stage } from "./fixture.ts";

/** What runs in a pod's container besides what was started with it, and what looks at it. */
export async function strangers(stage: Stage, pod: string): Promise<readonly string[]> {
  const script = "cd /proc; for p in [0-9]*; do tr '\\0' ' ' <$p/cmdline; echo; done 2>/dev/null";
  const list = await stage.kubectl.run(["exec", pod, "--", "sh", "-c", script]);
  return list.split("\n").filter((line) => line.trim() !== "" && !/36000|cmdline|^tr /.test(line));
}

/** Waits until nothing of kinsync runs in a pod's container, and no stage is left in its folder of state. */
export async function untilNothingIsLeft(stage: Stage, pod: string): Promise<void> {
  await stage.until(`nothing of kinsync runs in ${pod}`, async () => (await strangers(stage, pod)).length === 0);
  const script = "ls -a /app/.kinsync /app/.kinsync/* 2>/dev/null; true";
  const state = await stage.kubectl.run(["exec", pod, "--", "sh", "-c", script]);
  expect(state.split("\n").filter((name) => /^(stage|marker)-/.test(name))).toEqual([]);
}
