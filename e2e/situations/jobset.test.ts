import { expect } from "vitest";
import {
  container,
  IDLE,
  indexedJob,
  jobSet,
  ofJobSet,
  podSpec,
  replicatedJob,
  roleOf,
  ROLE_LABEL,
  training,
} from "../harness/manifests.ts";
import type { KubeObject, NewObject } from "../harness/objects.ts";
import { situation } from "../harness/situation.ts";
import { fingerprint, TO } from "../harness/fixture.ts";
import { isOneOf, states } from "../harness/pods.ts";

const TRAIN = ofJobSet("train");

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
    await stage.truth("jobset/train", states(pods, "current"));
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
    await stage.truth("jobset/train", states(pods, "current"));
    const after = await kubectl.pods(TRAIN);
    expect(after.map(({ metadata }) => metadata.uid)).toEqual(pods.map(({ metadata }) => metadata.uid));
    await kinsync.interrupt();
    const once = await stage.sync("jobset/train");
    expect(once.end.code).toBe(3);
    expect(once.events.at(-1)).toMatchObject({ event: "summary", targets: 4, synced: 3, failed: 1 });
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
    await stage.truth("jobset/train", states(own, "current"));
    await stage.truth("jobset/train-a", states(others, "current"));
  },
);

situation(
  "a pod that bears all labels of a JobSet's pods, and a Job that does: nobody owns them, they stay as they are",
  { needs: ["jobset"] },
  async (stage) => {
    const { kubectl, project, world } = stage;
    const spec = podSpec(container(world.image));
    await stage.create(jobSet("train", [replicatedJob("a", 1, spec)]));
    const own = await stage.running(1, TRAIN);
    const { labels = {} } = own[0]?.metadata ?? {};
    const [job] = await kubectl.list<KubeObject>("jobs", TRAIN);
    // With the labels that its Job's own selector goes by, the pod would be adopted.
    const alike = Object.fromEntries(Object.entries(labels).filter(([name]) => !/controller-uid|job-name/.test(name)));
    await stage.create(
      { apiVersion: "v1", kind: "Pod", metadata: { name: "alike", labels: alike }, spec },
      {
        ...indexedJob("train-a-1", 1, spec, alike),
        metadata: { name: "train-a-1", labels: job?.metadata.labels ?? {} },
      },
    );
    const all = await stage.running(3, TRAIN);
    const others = all.filter((pod) => !isOneOf(own)(pod));
    await stage.truth("jobset/train", states(own, "current"));
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("jobset/train");
    expect(await kinsync.ready()).toMatchObject({ members: 1, targets: 1, synced: 1 });
    await stage.save(kinsync, "f.txt", "two\n", own);
    for (const pod of others) expect(await stage.look(pod)).toEqual({ "f.txt": "file: old\n" });
    await stage.truth("jobset/train", states(own, "current"));
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
    await stage.truth("jobset/train", states(pods, "current"));

    await kubectl.delete("jobset/train", "--cascade=foreground");
    await project.write("src/f.txt", "two\n");
    await stage.create(manifest);
    const fresh = await stage.running(3, TRAIN);
    expect(fresh.some(({ metadata }) => pods.some((pod) => pod.metadata.uid === metadata.uid))).toBe(false);
    await stage.same(fresh);
    await stage.truth("jobset/train", states(fresh, "current"));
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
    await stage.truth("jobset/train", states(pods, "current"));
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("jobset/train", { args: ["--role", "worker"] });
    expect(await kinsync.ready()).toMatchObject({ targets: 2, synced: 2 });
    await stage.save(kinsync, "f.txt", "two\n", workers);
    for (const pod of heads) expect(await stage.look(pod)).toEqual({ "f.txt": "file: old\n" });
    await stage.truth("jobset/train", states(pods, "current"));
  },
);

situation(
  "a JobSet that a stranger manages: the sentence says so, and Jobs and pods that the stranger makes are served",
  { needs: ["jobset"] },
  async (stage) => {
    const { kubectl, project, world } = stage;
    const stranger = "example.com/queue";
    const spec = podSpec(container(world.image));
    await stage.create(jobSet("train", [replicatedJob("worker", 2, spec)], { managedBy: stranger }));
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("jobset/train");
    expect(await kinsync.ready()).toMatchObject({ members: 0, targets: 0, synced: 0 });
    await kinsync.until(
      "who manages it",
      ({ event, reason }) => event === "note" && reason?.includes(`managed by ${stranger}`) === true,
    );
    await stage.truth("jobset/train", {});
    expect(await kubectl.list("jobs")).toEqual([]);

    // What the JobSet's own controller would have made; the Job's controller makes the pods of the first, nobody those of the second.
    const owner = (object: KubeObject): object => {
      const { apiVersion, kind, metadata } = object;
      return { apiVersion, kind, name: metadata.name, uid: metadata.uid, controller: true, blockOwnerDeletion: true };
    };
    const root = owner(await kubectl.get("jobset/train"));
    const labels = (index: number): Record<string, string> => ({
      "jobset.sigs.k8s.io/jobset-name": "train",
      [ROLE_LABEL]: "worker",
      "jobset.sigs.k8s.io/job-index": String(index),
      "jobset.sigs.k8s.io/restart-attempt": "0",
    });
    const jobOf = (index: number, more: Readonly<Record<string, unknown>>): NewObject => {
      const job = indexedJob(`train-worker-${index}`, 2, spec, labels(index), more);
      return { ...job, metadata: { ...job.metadata, ownerReferences: [root] } };
    };
    await stage.create(jobOf(0, {}), jobOf(1, { managedBy: stranger }));
    const job = await kubectl.get("job/train-worker-1");
    await stage.create({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "by-hand", labels: labels(1), ownerReferences: [owner(job)] },
      spec: { restartPolicy: "Never", ...spec },
    });
    const pods = await stage.running(3, TRAIN);
    await stage.same(pods);
    await stage.truth("jobset/train", states(pods, "current"));
    await stage.save(kinsync, "f.txt", "two\n", pods);
  },
);
