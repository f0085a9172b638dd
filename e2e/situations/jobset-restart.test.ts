import { expect } from "vitest";
import type { Fixture } from "../harness/fixture.ts";
import { jobSet, ofJobSet, replicatedJob, roleOf } from "../harness/jobset-manifests.ts";
import { container, failingOnRequest, lingering, podSpec } from "../harness/manifests.ts";
import type { Pod } from "../harness/objects.ts";
import { failPods, releasePods } from "../harness/pod-triggers.ts";
import { isOneOf, isRunning, isTerminating, states } from "../harness/pods.ts";
import { situation } from "../harness/situation.ts";

const TRAIN = ofJobSet("train");

situation(
  "a restarting JobSet updates new pods, not terminating ones",
  { needs: ["jobset"], timeout: 180_000 },
  async (fixture) => {
    const { cluster, kubectl } = fixture;
    await fixture.create(
      jobSet(
        "train",
        [
          replicatedJob("head", 1, podSpec(container(cluster.image))),
          replicatedJob("worker", 4, lingering(cluster.image)),
          replicatedJob("fuse", 1, failingOnRequest(cluster.image)),
        ],
        { failurePolicy: { maxRestarts: 3 } },
      ),
    );
    const old = await fixture.running(6, TRAIN);
    const kinsync = await fixture.upWithFile("jobset/train");
    await fixture.save(kinsync, "f.txt", "two\n", old);
    await fixture.expectMembers("jobset/train", states(old, "current"));

    const since = kinsync.mark();
    await failFuse(fixture, old);
    // Each Job is created again as soon as its predecessor is deleted.
    const [ending, renewed] = await fixture.until("the workers terminate, and head and fuse run again", async () => {
      const pods = await kubectl.pods(TRAIN);
      const left = pods.filter(isOneOf(old));
      const fresh = pods.filter((pod) => !isOneOf(old)(pod) && isRunning(pod));
      return left.length === 4 && left.every(isTerminating) && fresh.length === 2 && ([left, fresh] as const);
    });
    await fixture.untilSame(renewed);
    await fixture.expectMembers("jobset/train", { ...states(ending, "terminating"), ...states(renewed, "current") });
    await fixture.save(kinsync, "f.txt", "three\n", renewed);
    for (const pod of ending) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: two\n" });
    await releasePods(kubectl, ending);

    const fresh = await untilNew(fixture, old, 6);
    await fixture.untilSame(fresh);
    await fixture.save(kinsync, "f.txt", "four\n", fresh);
    await fixture.expectMembers("jobset/train", states(fresh, "current"));
    expect(kinsync.syncedAmong(old, since)).toEqual([]);
  },
);

situation(
  "a blocking restart updates no pod until all old pods ended",
  { needs: ["jobset"], timeout: 180_000 },
  async (fixture) => {
    const { cluster, kubectl, project } = fixture;
    await fixture.create(
      jobSet(
        "train",
        [
          replicatedJob("head", 1, podSpec(container(cluster.image))),
          replicatedJob("worker", 2, lingering(cluster.image)),
          replicatedJob("fuse", 1, failingOnRequest(cluster.image)),
        ],
        { failurePolicy: { maxRestarts: 1, restartStrategy: "BlockingRecreate" } },
      ),
    );
    const old = await fixture.running(4, TRAIN);
    const kinsync = await fixture.upWithFile("jobset/train");
    await fixture.save(kinsync, "f.txt", "two\n", old);
    await fixture.expectMembers("jobset/train", states(old, "current"));

    const since = kinsync.mark();
    await failFuse(fixture, old);
    const left = await fixture.until("only the workers exist, and terminate", async () => {
      const pods = await kubectl.pods(TRAIN);
      return pods.length === 2 && pods.every(isTerminating) && pods;
    });
    await fixture.expectMembers("jobset/train", states(left, "terminating"));
    await kinsync.until(
      "the JobSet restarts",
      ({ event, reason }) => event === "note" && /restarting: 0 of 3 Jobs of attempt 1/.test(reason ?? ""),
      { since },
    );
    await project.write("src/f.txt", "three\n");
    await kinsync.untilChanged("f.txt", since);
    for (const pod of left) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: two\n" });
    await releasePods(kubectl, left);

    const fresh = await untilNew(fixture, old, 4);
    await fixture.untilSame(fresh);
    await fixture.expectMembers("jobset/train", states(fresh, "current"));
    await fixture.save(kinsync, "f.txt", "four\n", fresh);
    expect(kinsync.syncedAmong(old, since)).toEqual([]);
  },
);

situation(
  "a Job that restarts alone is updated with its siblings",
  { needs: ["jobset", "jobset-gates"] },
  async (fixture) => {
    const { cluster, kubectl } = fixture;
    const workers = { ...replicatedJob("worker", 1, failingOnRequest(cluster.image)), replicas: 3 };
    await fixture.create(
      jobSet("train", [replicatedJob("head", 1, podSpec(container(cluster.image))), workers], {
        failurePolicy: {
          maxRestarts: 3,
          rules: [{ name: "alone", action: "RestartJob", targetReplicatedJobs: ["worker"] }],
        },
      }),
    );
    const old = await fixture.running(4, TRAIN);
    const kinsync = await fixture.upWithFile("jobset/train");
    await fixture.save(kinsync, "f.txt", "two\n", old);
    await fixture.expectMembers("jobset/train", states(old, "current"));

    for (const turn of ["first", "second"]) {
      const before = await fixture.running(4, TRAIN);
      const failing = before.filter(({ metadata }) => metadata.labels?.["jobset.sigs.k8s.io/job-index"] === "1");
      expect(failing).toHaveLength(1);
      await failPods(kubectl, failing);
      const after = await fixture.until(`a new pod of worker 1 runs, the ${turn} time`, async () => {
        const pods = await kubectl.pods(TRAIN);
        return pods.length === 4 && pods.every((pod) => isRunning(pod)) && !pods.some(isOneOf(failing)) && pods;
      });
      expect(after.filter(isOneOf(before))).toHaveLength(3);
      await fixture.untilSame(after);
      await fixture.expectMembers("jobset/train", states(after, "current"));
      await fixture.save(kinsync, "f.txt", `after the ${turn}\n`, after);
    }
    const { status } = await kubectl.get("jobset/train");
    expect(status?.["restarts"] ?? 0).toBe(0);
  },
);

situation(
  "restarts that do not count update the new pods",
  { needs: ["jobset"], timeout: 180_000 },
  async (fixture) => {
    const { cluster } = fixture;
    await fixture.create(
      jobSet(
        "train",
        [
          replicatedJob("head", 1, podSpec(container(cluster.image))),
          replicatedJob("fuse", 1, failingOnRequest(cluster.image)),
        ],
        {
          failurePolicy: {
            maxRestarts: 0,
            rules: [{ name: "free", action: "RestartJobSetAndIgnoreMaxRestarts", targetReplicatedJobs: ["fuse"] }],
          },
        },
      ),
    );
    let pods = await fixture.running(2, TRAIN);
    const kinsync = await fixture.upWithFile("jobset/train");
    await fixture.expectMembers("jobset/train", states(pods, "current"));
    for (const turn of ["first", "second"]) {
      const old = pods;
      await failFuse(fixture, old);
      pods = await untilNew(fixture, old, 2);
      await fixture.untilSame(pods);
      await fixture.expectMembers("jobset/train", states(pods, "current"));
      await fixture.save(kinsync, "f.txt", `after the ${turn}\n`, pods);
    }
  },
);

situation("a failed JobSet updates no pod, and sync exits with 4", { needs: ["jobset"] }, async (fixture) => {
  const { cluster, kubectl, project } = fixture;
  await fixture.create(
    jobSet(
      "train",
      [replicatedJob("worker", 2, lingering(cluster.image)), replicatedJob("fuse", 1, failingOnRequest(cluster.image))],
      {
        failurePolicy: {
          maxRestarts: 3,
          rules: [{ name: "fatal", action: "FailJobSet", targetReplicatedJobs: ["fuse"] }],
        },
      },
    ),
  );
  const pods = await fixture.running(3, TRAIN);
  const workers = pods.filter((pod) => roleOf(pod) === "worker");
  const failing = pods.filter((pod) => roleOf(pod) === "fuse");
  const kinsync = await fixture.upWithFile("jobset/train");
  await fixture.save(kinsync, "f.txt", "two\n", pods);
  await fixture.expectMembers("jobset/train", states(pods, "current"));

  const since = kinsync.mark();
  await failFuse(fixture, pods);
  await fixture.until("the workers terminate", async () => {
    const left = (await kubectl.pods(TRAIN)).filter(isOneOf(workers));
    return left.length === 2 && left.every(isTerminating);
  });
  await fixture.expectMembers("jobset/train", { ...states(workers, "terminating"), ...states(failing, "finished") });
  await kinsync.until(
    "the JobSet has failed",
    ({ event, reason }) => event === "note" && /ended: Failed/.test(reason ?? ""),
    { since },
  );
  await project.write("src/f.txt", "three\n");
  await kinsync.untilChanged("f.txt", since);
  for (const pod of workers) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: two\n" });
  await releasePods(kubectl, workers);

  await fixture.until("the workers are deleted", async () => (await kubectl.pods(TRAIN)).length === 1);
  await fixture.expectMembers("jobset/train", states(failing, "finished"));
  const once = await fixture.sync("jobset/train", { args: ["--wait", "2s"] });
  expect(once.end.code).toBe(4);
  expect(kinsync.syncedAmong(pods, since)).toEqual([]);
});

/** Makes the pod of the role `fuse` fail. */
async function failFuse({ kubectl }: Fixture, pods: readonly Pod[]): Promise<void> {
  await failPods(
    kubectl,
    pods.filter((each) => roleOf(each) === "fuse"),
  );
}

async function untilNew(fixture: Fixture, old: readonly Pod[], count: number): Promise<readonly Pod[]> {
  return fixture.until(`exactly ${count} pods exist, all new`, async () => {
    const pods = await fixture.kubectl.pods(TRAIN);
    return pods.length === count && pods.every((pod) => isRunning(pod) && !isOneOf(old)(pod)) && pods;
  });
}
