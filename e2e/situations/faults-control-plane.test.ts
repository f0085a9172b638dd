import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import { untilApiServerReady, untilControllersWork } from "../faults/control-plane-recovery.ts";
import { compactEtcd } from "../faults/etcd-compaction.ts";
import {
  continueComponent,
  killComponent,
  startComponent,
  stopComponent,
  terminateComponent,
} from "../faults/node-components.ts";
import {
  changeLocalFiles,
  expectRecovery,
  holdTransferHalfway,
  syncTwoPods,
  syncTwoPodsThroughRelay,
  untilChangesNoticed,
} from "../faults/recovery.ts";
import type { Moment, SyncedPods } from "../faults/recovery.ts";
import type { Fixture } from "../harness/fixture.ts";
import { situation } from "../harness/situation.ts";

/** From the moment when the API server is ready again. */
const RECOVERY_LIMIT_MS = 45_000;

/** Codes of lost streams and of requests without an answer. */
const CODES = ["KINSYNC_TARGET_LOST", "KINSYNC_TARGET_TIMEOUT", "KINSYNC_CLUSTER_UNREACHABLE", "KINSYNC_CLUSTER_BUSY"];

const MOMENTS: readonly { readonly moment: Moment; readonly when: string }[] = [
  { moment: "idle", when: "while idle" },
  { moment: "transfer", when: "during a transfer" },
];

/** Syncs two pods, lets a fault begin and end at a moment, and checks the recovery. */
async function playFault(
  fixture: Fixture,
  moment: Moment,
  fault: (synced: SyncedPods) => Promise<void>,
  codes = CODES,
): Promise<void> {
  if (moment === "idle") {
    const synced = await syncTwoPods(fixture);
    const since = synced.kinsync.mark();
    await fault(synced);
    await expectRecovery(fixture, synced, { since, limitMs: RECOVERY_LIMIT_MS, codes });
    return;
  }
  const { relay, ...synced } = await syncTwoPodsThroughRelay(fixture);
  const since = synced.kinsync.mark();
  await holdTransferHalfway(fixture, relay);
  const ended = fault(synced);
  relay.resume();
  await ended;
  await expectRecovery(fixture, synced, { since, limitMs: RECOVERY_LIMIT_MS, codes });
}

/** A situation that leaves the control plane as it found it: with controllers that work. */
function controlPlaneSituation(name: string, body: (fixture: Fixture) => Promise<void>): void {
  situation(name, { needs: ["control"], timeout: 300_000 }, async (fixture) => {
    await body(fixture);
    await untilControllersWork(fixture);
  });
}

for (const { moment, when } of MOMENTS) {
  controlPlaneSituation(`files are synced after kube-apiserver is killed ${when}`, async (fixture) => {
    await playFault(fixture, moment, async ({ kinsync }) => {
      const since = kinsync.mark();
      const killed = await killComponent("kube-apiserver");
      try {
        await changeLocalFiles(fixture);
        await untilChangesNoticed(kinsync, since);
      } finally {
        startComponent(killed);
      }
      await untilApiServerReady(fixture);
    });
  });

  controlPlaneSituation(`files are synced after kube-apiserver is stopped ${when}`, async (fixture) => {
    const stopTemporarily = async ({ kinsync }: SyncedPods): Promise<void> => {
      const since = kinsync.mark();
      const stopped = await stopComponent("kube-apiserver");
      try {
        await changeLocalFiles(fixture);
        await untilChangesNoticed(kinsync, since);
        await delay(20_000);
      } finally {
        continueComponent(stopped);
      }
    };
    // Twenty seconds of silence require no report.
    await playFault(fixture, moment, stopTemporarily, []);
  });
}

controlPlaneSituation("saves are synced while kube-apiserver terminates", async (fixture) => {
  await playFault(fixture, "idle", async ({ kinsync, pods }) => {
    const terminated = await terminateComponent("kube-apiserver");
    try {
      // Open streams continue until it has ended.
      await fixture.save(kinsync, "f.txt", "while it ends\n", pods);
      await changeLocalFiles(fixture);
    } finally {
      await terminated.ended;
      startComponent(terminated);
    }
    await untilApiServerReady(fixture);
  });
});

for (const { moment, when } of MOMENTS) {
  controlPlaneSituation(`files are synced although etcd is stopped ${when}`, async (fixture) => {
    const stopTemporarily = async ({ kinsync, pods }: SyncedPods): Promise<void> => {
      const etcd = await stopComponent("etcd");
      try {
        if (moment === "idle") await fixture.save(kinsync, "f.txt", "without etcd\n", pods);
        await changeLocalFiles(fixture);
        await delay(20_000);
      } finally {
        continueComponent(etcd);
      }
      await untilApiServerReady(fixture);
    };
    await playFault(fixture, moment, stopTemporarily, []);
  });
}

controlPlaneSituation("members are listed again after a watch expires (410)", async (fixture) => {
  const { kubectl } = fixture;
  const { relay, ...synced } = await syncTwoPodsThroughRelay(fixture);
  const { kinsync, pods } = synced;
  // Events of the watches are lost, and when the watches reconnect, etcd no longer has their version.
  relay.disrupt("silence", "watch");
  await kubectl.delete("pod/db-0", "--grace-period=1");
  const fresh = await fixture.until("the new db-0 runs", async () => {
    const all = await fixture.running(2);
    return all[0]?.metadata.uid !== pods[0]?.metadata.uid && all;
  });
  await compactEtcd();
  const killed = await killComponent("kube-apiserver");
  startComponent(killed);
  await untilApiServerReady(fixture);
  expect(kinsync.events.some(({ uid }) => uid === fresh[0]?.metadata.uid)).toBe(false);
  const since = kinsync.mark();
  relay.disrupt("reset", "watch");
  await fixture.until("a watch expired", () => relay.expired > 0);
  await kinsync.until(
    "the new pod is a member",
    ({ event, uid }) => event === "member" && uid === fresh[0]?.metadata.uid,
    { since },
  );
  await changeLocalFiles(fixture);
  await expectRecovery(fixture, { ...synced, pods: fresh }, { since, limitMs: RECOVERY_LIMIT_MS, codes: [] });
});
