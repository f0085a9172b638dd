import { expect } from "vitest";
import {
  container,
  IDLE,
  jobSet,
  ofJobSet,
  podSpec,
  replicatedJob,
  ROLE_LABEL,
  SEED,
  STUBBORN,
  training,
} from "../manifests.ts";
import { isRunning, isTerminating } from "../objects.ts";
import type { KubeObject, Pod } from "../objects.ts";
import { situation } from "../situation.ts";
import { fingerprint, TO } from "../stage.ts";

const TRAIN = ofJobSet("train");

situation(
  "a JobSet whose Jobs were made at different times: head and workers get each save",
  { needs: ["jobset"] },
  async (stage) => {
    const { kubectl, project, world } = stage;
    await stage.create(training("train", 4, podSpec(container(world.image))));
    const pods = await stage.running(5, TRAIN);
    const jobs = await kubectl.list<KubeObject>("jobs", TRAIN);
    const created = jobs.map(({ metadata }) => `${metadata.labels?.[ROLE_LABEL]} ${metadata.creationTimestamp}`);
    expect(new Set(jobs.map(({ metadata }) => metadata.creationTimestamp)).size, created.join(", ")).toBe(2);
    const before = await fingerprint(kubectl, "jobset/train");
    for (const pod of pods) expect(await stage.look(pod)).toEqual({ "f.txt": "file: old\n" });

    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("jobset/train");
    expect(await kinsync.ready()).toMatchObject({ members: 5, targets: 5, synced: 5 });
    for (const pod of pods) expect(await stage.look(pod)).toEqual({ "f.txt": "file: one\n" });
    await stage.save(kinsync, "f.txt", "two\n", pods);
    await stage.save(kinsync, "deep/er/g.txt", "three\n", pods);

    const { members } = await stage.tree("jobset/train");
    expect(members.map(({ role, state }) => `${role} ${state}`)).toEqual([
      "head current",
      ...Array.from({ length: 4 }, () => "worker current"),
    ]);
    expect(new Set(members.map(({ uid }) => uid))).toEqual(new Set(pods.map(({ metadata }) => metadata.uid)));
    expect(await fingerprint(kubectl, "jobset/train")).toEqual(before);
    expect(await kinsync.interrupt()).toMatchObject({ code: 130 });
  },
);

situation(
  "a JobSet that restarts: new pods are caught up, old ones are never written again",
  { needs: ["jobset"], timeout: 180_000 },
  async (stage) => {
    const { kubectl, project, world } = stage;
    // Old pods linger for so long that a save falls into their time.
    const spec = podSpec(container(world.image, `${SEED}; ${STUBBORN}`), { terminationGracePeriodSeconds: 15 });
    const failing = container(world.image, `${SEED}; while [ ! -e /tmp/fail ]; do sleep 0.2; done; exit 1`);
    await stage.create(
      jobSet(
        "train",
        [replicatedJob("head", 1, spec), replicatedJob("worker", 4, spec), replicatedJob("fuse", 1, podSpec(failing))],
        { failurePolicy: { maxRestarts: 3 } },
      ),
    );
    const old = await stage.running(6, TRAIN);
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("jobset/train");
    await kinsync.ready();
    await stage.save(kinsync, "f.txt", "two\n", old);

    const fuse = old.find(({ metadata }) => metadata.labels?.[ROLE_LABEL] === "fuse");
    const since = kinsync.mark();
    await kubectl.run(["exec", fuse?.metadata.name ?? "", "--", "touch", "/tmp/fail"]);
    const uids = new Set(old.map(({ metadata }) => metadata.uid));
    const lingering = await stage.until("the old pods are told to end", async () => {
      const pods = await kubectl.pods(TRAIN);
      const left = pods.filter((pod) => uids.has(pod.metadata.uid) && pod.metadata.labels?.[ROLE_LABEL] !== "fuse");
      return left.length === 5 && left.every(isTerminating) && left;
    });
    for (const { metadata } of lingering) {
      await kinsync.until(
        `${metadata.name} is no member to write to`,
        ({ event, uid, state }) => event === "member" && uid === metadata.uid && state !== "current",
        { since },
      );
    }
    await project.write("src/f.txt", "three\n");
    await kinsync.until(
      "three is saved",
      ({ event, paths }) => event === "generation" && paths?.includes("f.txt") === true,
      { since },
    );
    for (const pod of lingering) expect(await stage.look(pod)).toEqual({ "f.txt": "file: two\n" });

    const fresh = await stage.until("six new pods run", async () => {
      const pods = (await kubectl.pods(TRAIN)).filter((pod) => isRunning(pod) && !uids.has(pod.metadata.uid));
      return pods.length === 6 && pods;
    });
    await stage.same(fresh);
    await stage.save(kinsync, "f.txt", "four\n", fresh);
    const written = kinsync.events.slice(since).filter(({ event, uid }) => event === "synced" && uids.has(uid ?? ""));
    expect(written).toEqual([]);
    expect(Object.values(await stage.states("jobset/train"))).toEqual(Array.from({ length: 6 }, () => "current"));
  },
);

situation(
  "one member with a read-only root: it is named, the others are served, nothing is re-created",
  { needs: ["jobset"] },
  async (stage) => {
    const { kubectl, project, world } = stage;
    const good = podSpec(container(world.image));
    const sealed = podSpec(container(world.image, IDLE, { securityContext: { readOnlyRootFilesystem: true } }));
    await stage.create(jobSet("train", [replicatedJob("head", 1, sealed), replicatedJob("worker", 3, good)]));
    const pods = await stage.running(4, TRAIN);
    const [head, ...workers] = pods.toSorted((a, b) => roleOf(a).localeCompare(roleOf(b)));
    const before = await fingerprint(kubectl, "jobset/train");

    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("jobset/train");
    expect(await kinsync.ready()).toMatchObject({ members: 4, targets: 4, synced: 3 });
    const failed = await kinsync.until("the head failed", ({ event }) => event === "failed");
    expect(failed).toMatchObject({ pod: head?.metadata.name, container: "main", code: "KINSYNC_TARGET_READ_ONLY" });
    expect(failed.reason).toContain(TO);
    await stage.save(kinsync, "f.txt", "two\n", workers);
    await stage.save(kinsync, "f.txt", "three\n", workers);

    expect(await fingerprint(kubectl, "jobset/train")).toEqual(before);
    const after = await kubectl.pods(TRAIN);
    expect(after.map(({ metadata }) => metadata.uid)).toEqual(pods.map(({ metadata }) => metadata.uid));
    await kinsync.interrupt();
    const once = await stage.sync("jobset/train");
    expect(once.end.code).toBe(3);
    expect(once.events.at(-1)).toMatchObject({ event: "summary", targets: 4, synced: 3, failed: 1 });
  },
);

situation(
  "a JobSet that is suspended and resumed: the sentence says so, the new pods get what was saved meanwhile",
  { needs: ["jobset"] },
  async (stage) => {
    const { kubectl, project, world } = stage;
    await stage.create(training("train", 2, podSpec(container(world.image))));
    const pods = await stage.running(3, TRAIN);
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("jobset/train");
    await kinsync.ready();
    await stage.same(pods);

    await kubectl.patch("jobset/train", { spec: { suspend: true } });
    await kinsync.until("it is suspended", ({ event, reason }) => event === "note" && /suspended/.test(reason ?? ""));
    await stage.until("no pod is left", async () => (await kubectl.pods(TRAIN)).length === 0);
    await project.write("src/f.txt", "two\n");
    await kubectl.patch("jobset/train", { spec: { suspend: false } });
    const fresh = await stage.running(3, TRAIN);
    await stage.same(fresh);
    await stage.save(kinsync, "f.txt", "three\n", fresh);
  },
);

situation(
  "a second JobSet whose name begins with the first one's: its pods stay as they are",
  { needs: ["jobset"] },
  async (stage) => {
    const { project, world } = stage;
    const spec = podSpec(container(world.image));
    await stage.create(
      jobSet("train", [replicatedJob("a", 1, spec)]),
      jobSet("train-a", [replicatedJob("a", 1, spec)]),
    );
    const own = await stage.running(1, TRAIN);
    const others = await stage.running(1, ofJobSet("train-a"));
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("jobset/train");
    expect(await kinsync.ready()).toMatchObject({ members: 1, targets: 1, synced: 1 });
    await stage.save(kinsync, "f.txt", "two\n", own);
    for (const pod of others) expect(await stage.look(pod)).toEqual({ "f.txt": "file: old\n" });
    expect(await stage.states("jobset/train")).toEqual({ [own[0]?.metadata.name ?? ""]: "current" });
  },
);

situation(
  "a JobSet that is deleted and applied again: kinsync follows the name to the new object",
  { needs: ["jobset"] },
  async (stage) => {
    const { kubectl, project, world } = stage;
    const manifest = training("train", 2, podSpec(container(world.image)));
    await stage.create(manifest);
    const pods = await stage.running(3, TRAIN);
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("jobset/train");
    await kinsync.ready();
    await stage.same(pods);

    await kubectl.delete("jobset/train", "--cascade=foreground");
    await project.write("src/f.txt", "two\n");
    await stage.create(manifest);
    const fresh = await stage.running(3, TRAIN);
    expect(fresh.some(({ metadata }) => pods.some((pod) => pod.metadata.uid === metadata.uid))).toBe(false);
    await stage.same(fresh);
    await stage.save(kinsync, "f.txt", "three\n", fresh);
  },
);

situation(
  "only one role is asked for: the other role's containers stay as they are",
  { needs: ["jobset"] },
  async (stage) => {
    const { project, world } = stage;
    await stage.create(training("train", 2, podSpec(container(world.image))));
    const pods = await stage.running(3, TRAIN);
    const workers = pods.filter((pod) => roleOf(pod) === "worker");
    const heads = pods.filter((pod) => roleOf(pod) === "head");
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("jobset/train", { args: ["--role", "worker"] });
    expect(await kinsync.ready()).toMatchObject({ targets: 2, synced: 2 });
    await stage.save(kinsync, "f.txt", "two\n", workers);
    for (const pod of heads) expect(await stage.look(pod)).toEqual({ "f.txt": "file: old\n" });
  },
);

function roleOf({ metadata }: Pod): string {
  return metadata.labels?.[ROLE_LABEL] ?? "";
}
