import { expect } from "vitest";
import { crash } from "../faults/crash-container.ts";
import { inStepByRelay, inTransfer } from "../faults/recovery.ts";
import type { Kinsync } from "../harness/kinsync-process.ts";
import { container, podSpec, SEED, statefulSet } from "../harness/manifests.ts";
import { containerOf, isRunning } from "../harness/objects.ts";
import type { Pod } from "../harness/objects.ts";
import { situation } from "../harness/situation.ts";
import { isOneOf, states } from "../harness/pods.ts";

situation("a container restarts under its pod: its fresh file system is caught up", {}, async (stage) => {
  const { kubectl, project, world } = stage;
  await stage.create(statefulSet("db", 2, podSpec(container(world.image))));
  const pods = await stage.running(2);
  await project.writeAll({ "src/f.txt": "one\n", "src/deep/er/g.txt": "g\n" });
  const kinsync = stage.up("sts/db");
  await kinsync.ready();
  await stage.same(pods);
  await stage.truth("sts/db", states(pods, "current"));
  await crash(kubectl, pods[0]);
  const after = await stage.until("the container of db-0 runs again", async () => {
    const all = await stage.running(2);
    const [first] = all;
    return first !== undefined && containerOf(first, "main")?.restartCount === 1 && all;
  });
  expect(after.map(({ metadata }) => metadata.uid)).toEqual(pods.map(({ metadata }) => metadata.uid));
  await stage.same(after);
  await stage.truth("sts/db", states(after, "current"));
  await stage.save(kinsync, "f.txt", "two\n", after);
});

situation(
  "a container crashes in the middle of a large batch: what it held is gone, and the fresh one gets all",
  { timeout: 180_000 },
  async (stage) => {
    const { kubectl } = stage;
    const { kinsync, pods, relay } = await inStepByRelay(stage);
    await stage.truth("sts/db", states(pods, "current"));
    const since = kinsync.mark();
    await inTransfer(stage, relay);
    const held = await behind(kinsync, pods, since);
    await crash(kubectl, held);
    const after = await stage.until("the container runs again", async () => {
      const all = await stage.running(2);
      return all.some((pod) => isOneOf([held])(pod) && containerOf(pod, "main")?.restartCount === 1) && all;
    });
    relay.resume();
    await stage.same(after);
    await stage.truth("sts/db", states(after, "current"));
    await stage.save(kinsync, "f.txt", "three\n", after);
  },
);

situation(
  "a pod is deleted in the middle of a large batch and comes back under its name: the new one gets all, and nothing is stuck",
  { timeout: 180_000 },
  async (stage) => {
    const { kubectl } = stage;
    const { kinsync, pods, relay } = await inStepByRelay(stage);
    await stage.truth("sts/db", states(pods, "current"));
    const since = kinsync.mark();
    await inTransfer(stage, relay);
    const held = await behind(kinsync, pods, since);
    await kubectl.delete(`pod/${held.metadata.name}`, "--grace-period=1");
    const after = await stage.until("a new pod of that name runs", async () => {
      const all = await kubectl.pods();
      return all.length === 2 && all.every((pod) => isRunning(pod) && !isOneOf([held])(pod)) && all;
    });
    // The bytes that were still on their way come now, for a container that is no more.
    relay.resume();
    await stage.same(after);
    await stage.truth("sts/db", states(after, "current"));
    await stage.save(kinsync, "f.txt", "three\n", after);
    expect(kinsync.servedOf([held], since)).toEqual([]);
  },
);

situation(
  "a container that is killed for its memory: the fresh one is caught up",
  { needs: ["real"], unplayable: "its containers have no limits" },
  async (stage) => {
    const { kubectl, project, world } = stage;
    // Nothing else in the container is as large, so that the first process is the one to be killed.
    const script = `${SEED}; trap 'exit 0' TERM; while [ ! -e /tmp/eat ]; do sleep 0.2; done; exec tail /dev/zero`;
    const limited = container(world.image, script, { resources: { limits: { memory: "64Mi" } } });
    await stage.create(statefulSet("db", 2, podSpec(limited)));
    const pods = await stage.running(2);
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("sts/db");
    await kinsync.ready();
    await stage.same(pods);
    await stage.truth("sts/db", states(pods, "current"));

    await kubectl.run(["exec", "db-0", "--", "touch", "/tmp/eat"]);
    const after = await stage.until("the container of db-0 runs again", async () => {
      const all = await stage.running(2);
      return all.some((pod) => containerOf(pod, "main")?.lastState?.terminated?.reason === "OOMKilled") && all;
    });
    await stage.same(after);
    await stage.truth("sts/db", states(after, "current"));
    await stage.save(kinsync, "f.txt", "two\n", after);
  },
);

/** The pod that has not got the large file yet, once the other one has. */
async function behind(kinsync: Kinsync, pods: readonly Pod[], since: number): Promise<Pod> {
  const { uid } = await kinsync.until("one pod has it", ({ event }) => event === "synced", { since });
  const [left] = pods.filter(({ metadata }) => metadata.uid !== uid);
  if (left === undefined || kinsync.servedOf([left], since).length > 0) throw new Error("both pods have it already");
  return left;
}
