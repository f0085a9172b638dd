import { change, changeSeen, inStep, inStepByRelay, inTransfer, recovered } from "../faults/recovery.ts";
import { continueComponent, killComponent, startComponent, stopComponent } from "../faults/node-components.ts";
import type { Component } from "../faults/node-components.ts";
import { situation } from "../harness/situation.ts";
import type { Stage } from "../harness/fixture.ts";

const OPTIONS = { needs: ["control"], timeout: 240_000 } as const;

/** Milliseconds from the moment when containers can be entered again. */
const WITHIN = 45_000;

/** What a lost stream is told by; the API server may be the one to say that its node does not answer. */
const CODES = ["KINSYNC_TARGET_LOST", "KINSYNC_TARGET_TIMEOUT", "KINSYNC_CLUSTER_UNREACHABLE", "KINSYNC_CLUSTER_BUSY"];

async function canExec({ kubectl }: Stage): Promise<boolean> {
  return (await kubectl.run(["exec", "db-0", "--", "echo", "there"], { within: 10_000 })) === "there\n";
}

async function isBack(stage: Stage, component: Component): Promise<void> {
  await stage.until(`${component} is back`, () => canExec(stage), { within: 120_000 });
}

for (const component of ["kubelet", "containerd"] as const) {
  situation(
    `${component} is killed while nothing is to do: what is saved meanwhile is there after its restart`,
    OPTIONS,
    async (stage) => {
      const world = await inStep(stage);
      const since = world.kinsync.mark();
      const killed = await killComponent(component);
      try {
        await change(stage);
        await changeSeen(world.kinsync, since);
      } finally {
        startComponent(killed);
      }
      await isBack(stage, component);
      await recovered(stage, world, { since, within: WITHIN, codes: CODES });
    },
  );

  // The stream ends with the status Success then, which is no success of anything.
  situation(`${component} is killed in the middle of a transfer: the file comes whole`, OPTIONS, async (stage) => {
    const { relay, ...world } = await inStepByRelay(stage);
    const since = world.kinsync.mark();
    await inTransfer(stage, relay);
    const killed = await killComponent(component);
    try {
      relay.resume();
      await change(stage);
      await changeSeen(world.kinsync, since);
    } finally {
      startComponent(killed);
    }
    await isBack(stage, component);
    await recovered(stage, world, { since, within: WITHIN, codes: CODES });
  });
}

situation("kubelet is stopped for a while: nothing hangs, and all is there when it goes on", OPTIONS, async (stage) => {
  const world = await inStep(stage);
  const since = world.kinsync.mark();
  const stopped = await stopComponent("kubelet");
  try {
    await change(stage);
    await world.kinsync.until(
      "a target is behind",
      ({ event, status }) => event === "retry" || (event === "target" && status === "stale"),
      // Twenty seconds of silence in the middle of a batch are what kinsync grants.
      { since, within: 60_000 },
    );
  } finally {
    continueComponent(stopped);
  }
  await recovered(stage, world, { since, within: WITHIN, codes: CODES });
});

situation(
  "containerd is killed, and kubelet stopped as soon as it is back: all is there when that goes on",
  OPTIONS,
  async (stage) => {
    const world = await inStep(stage);
    const since = world.kinsync.mark();
    const killed = await killComponent("containerd");
    startComponent(killed);
    await isBack(stage, "containerd");
    const stopped = await stopComponent("kubelet");
    try {
      await change(stage);
      await changeSeen(world.kinsync, since);
    } finally {
      continueComponent(stopped);
    }
    await recovered(stage, world, { since, within: WITHIN, codes: CODES });
  },
);
