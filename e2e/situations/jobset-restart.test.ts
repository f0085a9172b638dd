import { expect } from "vitest";
import {
  container,
  fuse,
  jobSet,
  letGo,
  lingering,
  ofJobSet,
  podSpec,
  replicatedJob,
  roleOf,
} from "../harness/manifests.ts";
import { isRunning, isTerminating } from "../harness/objects.ts";
import type { Pod } from "../harness/objects.ts";
import { situation } from "../harness/situation.ts";
import type { Stage } from "../harness/fixture.ts";
import { isOneOf, states } from "../harness/pods.ts";

const TRAIN = ofJobSet("train");

situation(
  "a JobSet that restarts: while old pods linger, each new one is caught up as it comes, and the old are never written again",
  { needs: ["jobset"], timeout: 180_000 },
  async (stage) => {
    const { kubectl, project, world } = stage;
    await stage.create(
      jobSet(
        "train",
        [
          replicatedJob("head", 1, podSpec(container(world.image))),
          replicatedJob("worker", 4, lingering(world.image)),
          replicatedJob("fuse", 1, fuse(world.image)),
        ],
        { failurePolicy: { maxRestarts: 3 } },
      ),
    );
    const old = await stage.running(6, TRAIN);
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("jobset/train");
    await kinsync.ready();
    await stage.save(kinsync, "f.txt", "two\n", old);
    await stage.truth("jobset/train", states(old, "current"));

    const since = kinsync.mark();
    await blow(stage, old);
    // Each Job is made anew as soon as its own predecessor is gone.
    const [gone, young] = await stage.until("the workers end, and head and fuse run again", async () => {
      const pods = await kubectl.pods(TRAIN);
      const left = pods.filter(isOneOf(old));
      const fresh = pods.filter((pod) => !isOneOf(old)(pod) && isRunning(pod));
      return left.length === 4 && left.every(isTerminating) && fresh.length === 2 && ([left, fresh] as const);
    });
    await stage.same(young);
    await stage.truth("jobset/train", { ...states(gone, "terminating"), ...states(young, "current") });
    await stage.save(kinsync, "f.txt", "three\n", young);
    for (const pod of gone) expect(await stage.look(pod)).toEqual({ "f.txt": "file: two\n" });
    await letGo(kubectl, gone);

    const fresh = await untilNew(stage, old, 6);
    await stage.same(fresh);
    await stage.save(kinsync, "f.txt", "four\n", fresh);
    await stage.truth("jobset/train", states(fresh, "current"));
    expect(kinsync.servedOf(old, since)).toEqual([]);
  },
);

situation(
  "a JobSet that restarts as one: until the last old pod is gone there is nobody to write to",
  { needs: ["jobset"], timeout: 180_000 },
  async (stage) => {
    const { kubectl, project, world } = stage;
    await stage.create(
      jobSet(
        "train",
        [
          replicatedJob("head", 1, podSpec(container(world.image))),
          replicatedJob("worker", 2, lingering(world.image)),
          replicatedJob("fuse", 1, fuse(world.image)),
        ],
        { failurePolicy: { maxRestarts: 1, restartStrategy: "BlockingRecreate" } },
      ),
    );
    const old = await stage.running(4, TRAIN);
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("jobset/train");
    await kinsync.ready();
    await stage.save(kinsync, "f.txt", "two\n", old);
    await stage.truth("jobset/train", states(old, "current"));

    const since = kinsync.mark();
    await blow(stage, old);
    const left = await stage.until("the workers alone are left, and end", async () => {
      const pods = await kubectl.pods(TRAIN);
      return pods.length === 2 && pods.every(isTerminating) && pods;
    });
    await stage.truth("jobset/train", states(left, "terminating"));
    await kinsync.until(
      "it restarts",
      ({ event, reason }) => event === "note" && /restarting: 0 of 3 Jobs of attempt 1/.test(reason ?? ""),
      { since },
    );
    await project.write("src/f.txt", "three\n");
    await kinsync.noticed("f.txt", since);
    for (const pod of left) expect(await stage.look(pod)).toEqual({ "f.txt": "file: two\n" });
    await letGo(kubectl, left);

    const fresh = await untilNew(stage, old, 4);
    await stage.same(fresh);
    await stage.truth("jobset/train", states(fresh, "current"));
    await stage.save(kinsync, "f.txt", "four\n", fresh);
    expect(kinsync.servedOf(old, since)).toEqual([]);
  },
);

situation(
  "one Job of a JobSet restarts alone: its new pod is caught up, its siblings go on being served",
  { needs: ["jobset", "jobset-gates"] },
  async (stage) => {
    const { kubectl, project, world } = stage;
    const workers = { ...replicatedJob("worker", 1, fuse(world.image)), replicas: 3 };
    await stage.create(
      jobSet("train", [replicatedJob("head", 1, podSpec(container(world.image))), workers], {
        failurePolicy: {
          maxRestarts: 3,
          rules: [{ name: "alone", action: "RestartJob", targetReplicatedJobs: ["worker"] }],
        },
      }),
    );
    const old = await stage.running(4, TRAIN);
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("jobset/train");
    await kinsync.ready();
    await stage.save(kinsync, "f.txt", "two\n", old);
    await stage.truth("jobset/train", states(old, "current"));

    for (const turn of ["first", "second"]) {
      const before = await stage.running(4, TRAIN);
      const failing = before.filter(({ metadata }) => metadata.labels?.["jobset.sigs.k8s.io/job-index"] === "1");
      expect(failing).toHaveLength(1);
      await kubectl.run(["exec", failing[0]?.metadata.name ?? "", "--", "touch", "/tmp/fail"]);
      const after = await stage.until(`a new pod of worker 1 runs, the ${turn} time`, async () => {
        const pods = await kubectl.pods(TRAIN);
        return pods.length === 4 && pods.every((pod) => isRunning(pod)) && !pods.some(isOneOf(failing)) && pods;
      });
      expect(after.filter(isOneOf(before))).toHaveLength(3);
      await stage.same(after);
      await stage.truth("jobset/train", states(after, "current"));
      await stage.save(kinsync, "f.txt", `after the ${turn}\n`, after);
    }
    const { status } = await kubectl.get("jobset/train");
    expect(status?.["restarts"] ?? 0).toBe(0);
  },
);

situation(
  "a JobSet that restarts although no restart is left to count: new pods are caught up each time",
  { needs: ["jobset"], timeout: 180_000 },
  async (stage) => {
    const { project, world } = stage;
    await stage.create(
      jobSet(
        "train",
        [replicatedJob("head", 1, podSpec(container(world.image))), replicatedJob("fuse", 1, fuse(world.image))],
        {
          failurePolicy: {
            maxRestarts: 0,
            rules: [{ name: "free", action: "RestartJobSetAndIgnoreMaxRestarts", targetReplicatedJobs: ["fuse"] }],
          },
        },
      ),
    );
    let pods = await stage.running(2, TRAIN);
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("jobset/train");
    await kinsync.ready();
    await stage.truth("jobset/train", states(pods, "current"));
    for (const turn of ["first", "second"]) {
      const old = pods;
      await blow(stage, old);
      pods = await untilNew(stage, old, 2);
      await stage.same(pods);
      await stage.truth("jobset/train", states(pods, "current"));
      await stage.save(kinsync, "f.txt", `after the ${turn}\n`, pods);
    }
  },
);

situation(
  "a JobSet that fails for good: pods that still end get nothing, the sentence says so, sync ends with 4",
  { needs: ["jobset"] },
  async (stage) => {
    const { kubectl, project, world } = stage;
    await stage.create(
      jobSet(
        "train",
        [replicatedJob("worker", 2, lingering(world.image)), replicatedJob("fuse", 1, fuse(world.image))],
        {
          failurePolicy: {
            maxRestarts: 3,
            rules: [{ name: "fatal", action: "FailJobSet", targetReplicatedJobs: ["fuse"] }],
          },
        },
      ),
    );
    const pods = await stage.running(3, TRAIN);
    const workers = pods.filter((pod) => roleOf(pod) === "worker");
    const failing = pods.filter((pod) => roleOf(pod) === "fuse");
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("jobset/train");
    await kinsync.ready();
    await stage.save(kinsync, "f.txt", "two\n", pods);
    await stage.truth("jobset/train", states(pods, "current"));

    const since = kinsync.mark();
    await blow(stage, pods);
    await stage.until("the workers are told to end", async () => {
      const left = (await kubectl.pods(TRAIN)).filter(isOneOf(workers));
      return left.length === 2 && left.every(isTerminating);
    });
    await stage.truth("jobset/train", { ...states(workers, "terminating"), ...states(failing, "finished") });
    await kinsync.until(
      "it has failed",
      ({ event, reason }) => event === "note" && /ended: Failed/.test(reason ?? ""),
      { since },
    );
    await project.write("src/f.txt", "three\n");
    await kinsync.noticed("f.txt", since);
    for (const pod of workers) expect(await stage.look(pod)).toEqual({ "f.txt": "file: two\n" });
    await letGo(kubectl, workers);

    await stage.until("the workers are gone", async () => (await kubectl.pods(TRAIN)).length === 1);
    await stage.truth("jobset/train", states(failing, "finished"));
    const once = await stage.sync("jobset/train", { args: ["--wait", "2s"] });
    expect(once.end.code).toBe(4);
    expect(kinsync.servedOf(pods, since)).toEqual([]);
  },
);

/** Makes the pod of the role `fuse` fail. */
async function blow({ kubectl }: Stage, pods: readonly Pod[]): Promise<void> {
  const [pod] = pods.filter((each) => roleOf(each) === "fuse");
  await kubectl.run(["exec", pod?.metadata.name ?? "", "--", "touch", "/tmp/fail"]);
}

async function untilNew(stage: Stage, old: readonly Pod[], count: number): Promise<readonly Pod[]> {
  return stage.until(`${count} new pods are all there is`, async () => {
    const pods = await stage.kubectl.pods(TRAIN);
    return pods.length === count && pods.every((pod) => isRunning(pod) && !isOneOf(old)(pod)) && pods;
  });
}
