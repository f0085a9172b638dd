import { continueComponent, killComponent, startComponent, stopComponent } from "../faults/node-components.ts";
import type { Component } from "../faults/node-components.ts";
import {
  changeLocalFiles,
  expectRecovery,
  holdTransferHalfway,
  syncTwoPods,
  syncTwoPodsThroughRelay,
  untilChangesNoticed,
} from "../faults/recovery.ts";
import type { Fixture } from "../harness/fixture.ts";
import { situation } from "../harness/situation.ts";

const OPTIONS = { needs: ["control"], timeout: 240_000 } as const;

/** From the moment when exec works again. */
const RECOVERY_LIMIT_MS = 45_000;

/** Codes of a lost stream; also the API server can report that its node does not answer. */
const CODES = ["KINSYNC_TARGET_LOST", "KINSYNC_TARGET_TIMEOUT", "KINSYNC_CLUSTER_UNREACHABLE", "KINSYNC_CLUSTER_BUSY"];

async function canExec({ kubectl }: Fixture): Promise<boolean> {
  return (await kubectl.run(["exec", "db-0", "--", "echo", "there"], { timeoutMs: 10_000 })) === "there\n";
}

async function untilExecWorks(fixture: Fixture, component: Component): Promise<void> {
  await fixture.until(`exec works after the fault of ${component}`, () => canExec(fixture), { timeout: 120_000 });
}

for (const component of ["kubelet", "containerd"] as const) {
  situation(`files are synced after ${component} is killed while idle`, OPTIONS, async (fixture) => {
    const synced = await syncTwoPods(fixture);
    const since = synced.kinsync.mark();
    const killed = await killComponent(component);
    try {
      await changeLocalFiles(fixture);
      await untilChangesNoticed(synced.kinsync, since);
    } finally {
      startComponent(killed);
    }
    await untilExecWorks(fixture, component);
    await expectRecovery(fixture, synced, { since, limitMs: RECOVERY_LIMIT_MS, codes: CODES });
  });

  // The stream then ends with the status Success although the transfer failed.
  situation(`files are synced after ${component} is killed during a transfer`, OPTIONS, async (fixture) => {
    const { relay, ...synced } = await syncTwoPodsThroughRelay(fixture);
    const since = synced.kinsync.mark();
    await holdTransferHalfway(fixture, relay);
    const killed = await killComponent(component);
    try {
      relay.resume();
      await changeLocalFiles(fixture);
      await untilChangesNoticed(synced.kinsync, since);
    } finally {
      startComponent(killed);
    }
    await untilExecWorks(fixture, component);
    await expectRecovery(fixture, synced, { since, limitMs: RECOVERY_LIMIT_MS, codes: CODES });
  });
}

situation("files are synced after kubelet is stopped for a while", OPTIONS, async (fixture) => {
  const synced = await syncTwoPods(fixture);
  const since = synced.kinsync.mark();
  const stopped = await stopComponent("kubelet");
  try {
    await changeLocalFiles(fixture);
    await synced.kinsync.until(
      "a target is stale",
      ({ event, status }) => event === "retry" || (event === "target" && status === "stale"),
      // kinsync tolerates twenty seconds of silence during a batch.
      { since, timeout: 60_000 },
    );
  } finally {
    continueComponent(stopped);
  }
  await expectRecovery(fixture, synced, { since, limitMs: RECOVERY_LIMIT_MS, codes: CODES });
});

situation("files are synced after containerd and then kubelet stop", OPTIONS, async (fixture) => {
  const synced = await syncTwoPods(fixture);
  const since = synced.kinsync.mark();
  const killed = await killComponent("containerd");
  startComponent(killed);
  await untilExecWorks(fixture, "containerd");
  const stopped = await stopComponent("kubelet");
  try {
    await changeLocalFiles(fixture);
    await untilChangesNoticed(synced.kinsync, since);
  } finally {
    continueComponent(stopped);
  }
  await expectRecovery(fixture, synced, { since, limitMs: RECOVERY_LIMIT_MS, codes: CODES });
});
