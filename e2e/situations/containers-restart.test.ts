import { expect } from "vitest";
import { crashContainer } from "../faults/crash-container.ts";
import { holdTransferHalfway, syncTwoPodsThroughRelay } from "../faults/recovery.ts";
import type { KinsyncProcess } from "../harness/kinsync-process.ts";
import { container, podSpec, SEED, statefulSet } from "../harness/manifests.ts";
import type { Pod } from "../harness/objects.ts";
import { containerOf, isOneOf, isRunning, states } from "../harness/pods.ts";
import { exhaustMemory } from "../harness/pod-triggers.ts";
import { situation } from "../harness/situation.ts";

situation("a restarted container is updated again", {}, async (fixture) => {
  const { cluster, kubectl, project } = fixture;
  await fixture.create(statefulSet("db", 2, podSpec(container(cluster.image))));
  const pods = await fixture.running(2);
  await project.writeAll({ "src/f.txt": "one\n", "src/deep/er/g.txt": "g\n" });
  const kinsync = fixture.up("sts/db");
  await kinsync.ready();
  await fixture.untilSame(pods);
  await fixture.expectMembers("sts/db", states(pods, "current"));
  await crashContainer(kubectl, pods[0]);
  const after = await fixture.until("the container of db-0 runs again", async () => {
    const all = await fixture.running(2);
    const [first] = all;
    return first !== undefined && containerOf(first, "main")?.restartCount === 1 && all;
  });
  expect(after.map(({ metadata }) => metadata.uid)).toEqual(pods.map(({ metadata }) => metadata.uid));
  await fixture.untilSame(after);
  await fixture.expectMembers("sts/db", states(after, "current"));
  await fixture.save(kinsync, "f.txt", "two\n", after);
});

situation("a container that crashes during a batch gets all files again", { timeout: 180_000 }, async (fixture) => {
  const { kubectl } = fixture;
  const { kinsync, pods, relay } = await syncTwoPodsThroughRelay(fixture);
  await fixture.expectMembers("sts/db", states(pods, "current"));
  const since = kinsync.mark();
  await holdTransferHalfway(fixture, relay);
  const held = await podWithoutFile(kinsync, pods, since);
  await crashContainer(kubectl, held);
  const after = await fixture.until("the container runs again", async () => {
    const all = await fixture.running(2);
    return all.some((pod) => isOneOf([held])(pod) && containerOf(pod, "main")?.restartCount === 1) && all;
  });
  relay.resume();
  await fixture.untilSame(after);
  await fixture.expectMembers("sts/db", states(after, "current"));
  await fixture.save(kinsync, "f.txt", "three\n", after);
});

situation("a pod replaced during a batch gets all files", { timeout: 180_000 }, async (fixture) => {
  const { kubectl } = fixture;
  const { kinsync, pods, relay } = await syncTwoPodsThroughRelay(fixture);
  await fixture.expectMembers("sts/db", states(pods, "current"));
  const since = kinsync.mark();
  await holdTransferHalfway(fixture, relay);
  const held = await podWithoutFile(kinsync, pods, since);
  await kubectl.delete(`pod/${held.metadata.name}`, "--grace-period=1");
  const after = await fixture.until("a new pod with the same name runs", async () => {
    const all = await kubectl.pods();
    return all.length === 2 && all.every((pod) => isRunning(pod) && !isOneOf([held])(pod)) && all;
  });
  // The held bytes are sent to a container that no longer exists.
  relay.resume();
  await fixture.untilSame(after);
  await fixture.expectMembers("sts/db", states(after, "current"));
  await fixture.save(kinsync, "f.txt", "three\n", after);
  expect(kinsync.syncedAmong([held], since)).toEqual([]);
});

situation(
  "a container killed for its memory is updated again",
  { needs: ["real"], skippedOnPlayground: "its containers have no limits" },
  async (fixture) => {
    const { cluster, kubectl } = fixture;
    // The first process uses the most memory of the container, so the kernel kills it.
    const script = `${SEED}; trap 'exit 0' TERM; while [ ! -e /tmp/eat ]; do sleep 0.2; done; exec tail /dev/zero`;
    const limited = container(cluster.image, script, { resources: { limits: { memory: "64Mi" } } });
    await fixture.create(statefulSet("db", 2, podSpec(limited)));
    const pods = await fixture.running(2);
    const kinsync = await fixture.upWithFile("sts/db");
    await fixture.untilSame(pods);
    await fixture.expectMembers("sts/db", states(pods, "current"));

    await exhaustMemory(
      kubectl,
      pods.filter(({ metadata }) => metadata.name === "db-0"),
    );
    const after = await fixture.until("the container of db-0 runs again", async () => {
      const all = await fixture.running(2);
      return all.some((pod) => containerOf(pod, "main")?.lastState?.terminated?.reason === "OOMKilled") && all;
    });
    await fixture.untilSame(after);
    await fixture.expectMembers("sts/db", states(after, "current"));
    await fixture.save(kinsync, "f.txt", "two\n", after);
  },
);

/** Waits until one pod has the large file. @returns the other pod */
async function podWithoutFile(kinsync: KinsyncProcess, pods: readonly Pod[], since: number): Promise<Pod> {
  const { uid } = await kinsync.until("one pod is synced", ({ event }) => event === "synced", { since });
  const [left] = pods.filter(({ metadata }) => metadata.uid !== uid);
  if (left === undefined || kinsync.syncedAmong([left], since).length > 0)
    throw new Error("both pods are synced already");
  return left;
}
