import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import { untilApiServerReady, untilControllersWork } from "../faults/control-plane-recovery.ts";
import { killComponent, startComponent } from "../faults/node-components.ts";
import { situation } from "../harness/situation.ts";
import { logOf, mixedSteps, save, startTraining, untilAllRun, up } from "../harness/training.ts";

situation(
  "an API server killed at the barrier does not lead to a mixed step",
  { needs: ["jobset", "real", "control", "image:training"], timeout: 600_000 },
  async (fixture) => {
    const pods = await startTraining(fixture, {});
    const kinsync = await up(fixture, { update: "gang", restart: { when: ["*.py"], settle: 300 } });
    await untilAllRun(fixture, pods, "start");
    const since = kinsync.mark();
    await save(fixture, "unreachable");
    await kinsync.until("the gang prepares", ({ event }) => event === "gang", { since });
    const component = await killComponent("kube-apiserver");
    await delay(2_000);
    startComponent(component);
    await untilApiServerReady(fixture);
    await untilControllersWork(fixture);
    await save(fixture, "reachable");
    await untilAllRun(fixture, pods, "reachable", 120_000);
    expect(mixedSteps(await logOf(fixture, pods))).toEqual([]);
  },
);
