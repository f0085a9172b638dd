import { expect } from "vitest";
import { change, changeSeen, inStep, inStepByRelay, inTransfer, lasts, recovered } from "../faults/recovery.ts";
import type { InStep, Moment } from "../faults/recovery.ts";
import {
  compactEtcd,
  continueComponent,
  endComponent,
  killComponent,
  startComponent,
  stopComponent,
} from "../faults/node-components.ts";
import { situation } from "../harness/situation.ts";
import type { Stage } from "../harness/fixture.ts";

/** Milliseconds from the moment when the API server is well again. */
const WITHIN = 45_000;

/** Lost streams, and requests without an answer. */
const CODES = ["KINSYNC_TARGET_LOST", "KINSYNC_TARGET_TIMEOUT", "KINSYNC_CLUSTER_UNREACHABLE", "KINSYNC_CLUSTER_BUSY"];

const OPTIONS = { needs: ["control"], timeout: 240_000 } as const;

const MOMENTS: readonly { readonly moment: Moment; readonly when: string }[] = [
  { moment: "idle", when: "while nothing is to do" },
  { moment: "transfer", when: "in the middle of a transfer" },
];

/** Something breaks at a moment, files are changed, and it is mended; then all has to be as if nothing had been. */
async function breaks(
  stage: Stage,
  moment: Moment,
  fault: (world: InStep) => Promise<void>,
  codes = CODES,
): Promise<void> {
  if (moment === "idle") {
    const world = await inStep(stage);
    const since = world.kinsync.mark();
    await fault(world);
    await recovered(stage, world, { since, within: WITHIN, codes });
    return;
  }
  const { relay, ...world } = await inStepByRelay(stage);
  const since = world.kinsync.mark();
  await inTransfer(stage, relay);
  const broken = fault(world);
  relay.resume();
  await broken;
  await recovered(stage, world, { since, within: WITHIN, codes });
}

async function apiServerIsBack(stage: Stage): Promise<void> {
  const isReady = async (): Promise<boolean> =>
    (await stage.kubectl.run(["get", "--raw", "/readyz"], { within: 5_000 })) === "ok";
  await stage.until("kube-apiserver is back", isReady, { within: 120_000 });
}

for (const { moment, when } of MOMENTS) {
  situation(
    `kube-apiserver is killed ${when}: what is saved meanwhile is there after its restart`,
    OPTIONS,
    async (stage) => {
      await breaks(stage, moment, async ({ kinsync }) => {
        const since = kinsync.mark();
        const killed = await killComponent("kube-apiserver");
        try {
          await change(stage);
          await changeSeen(kinsync, since);
        } finally {
          startComponent(killed);
        }
        await apiServerIsBack(stage);
      });
    },
  );

  situation(`kube-apiserver is stopped for 20 s ${when}: all is there when it goes on`, OPTIONS, async (stage) => {
    const silent = async ({ kinsync }: InStep): Promise<void> => {
      const since = kinsync.mark();
      const stopped = await stopComponent("kube-apiserver");
      try {
        await change(stage);
        await changeSeen(kinsync, since);
        await lasts(20_000);
      } finally {
        continueComponent(stopped);
      }
    };
    // Twenty seconds of silence are nothing that need be told.
    await breaks(stage, moment, silent, []);
  });
}

situation(
  "kube-apiserver is told to end: saves go through while it does, and after its restart",
  OPTIONS,
  async (stage) => {
    await breaks(stage, "idle", async ({ kinsync, pods }) => {
      const ended = await endComponent("kube-apiserver");
      try {
        // Open streams outlive it for as long as it takes to end.
        await stage.save(kinsync, "f.txt", "while it ends\n", pods);
        await change(stage);
      } finally {
        await ended.gone;
        startComponent(ended);
      }
      await apiServerIsBack(stage);
    });
  },
);

for (const { moment, when } of MOMENTS) {
  situation(`etcd is stopped for 20 s ${when}: what is saved goes through all the same`, OPTIONS, async (stage) => {
    const stopped = async ({ kinsync, pods }: InStep): Promise<void> => {
      const etcd = await stopComponent("etcd");
      try {
        if (moment === "idle") await stage.save(kinsync, "f.txt", "without etcd\n", pods);
        await change(stage);
        await lasts(20_000);
      } finally {
        continueComponent(etcd);
      }
      await apiServerIsBack(stage);
    };
    await breaks(stage, moment, stopped, []);
  });
}

situation("watches are behind what etcd still knows (410): members are listed anew", OPTIONS, async (stage) => {
  const { kubectl } = stage;
  const { relay, ...world } = await inStepByRelay(stage);
  const { kinsync, pods } = world;
  // Their events are lost on the way, and by the time that they can ask again their version is forgotten.
  relay.strike("silence", "watch");
  await kubectl.delete("pod/db-0", "--grace-period=1");
  const fresh = await stage.until("db-0 is back", async () => {
    const all = await stage.running(2);
    return all[0]?.metadata.uid !== pods[0]?.metadata.uid && all;
  });
  await compactEtcd();
  const killed = await killComponent("kube-apiserver");
  startComponent(killed);
  await apiServerIsBack(stage);
  expect(kinsync.events.some(({ uid }) => uid === fresh[0]?.metadata.uid)).toBe(false);
  const since = kinsync.mark();
  relay.strike("reset", "watch");
  await stage.until("a watch was told 410", () => relay.expired > 0);
  await kinsync.until(
    "the new pod is known",
    ({ event, uid }) => event === "member" && uid === fresh[0]?.metadata.uid,
    { since },
  );
  await change(stage);
  const others = world.others;
  await recovered(stage, { kinsync, pods: fresh, others }, { since, within: WITHIN, codes: [] });
});
