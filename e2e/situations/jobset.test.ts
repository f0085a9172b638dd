import type { V1OwnerReference } from "@kubernetes/client-node";
import { expect } from "vitest";
import { fingerprint, TO } from "../harness/fixture.ts";
import { jobSet, ofJobSet, replicatedJob, ROLE_LABEL, roleOf, training } from "../harness/jobset-manifests.ts";
import { container, IDLE, indexedJob, pod, podSpec } from "../harness/manifests.ts";
import type { Job, JobSpec } from "../harness/manifests.ts";
import type { KubeObject } from "../harness/objects.ts";
import { isOneOf, states } from "../harness/pods.ts";
import { situation } from "../harness/situation.ts";

const TRAIN = ofJobSet("train");

situation("a member with a read-only root fails, the others are updated", { needs: ["jobset"] }, async (fixture) => {
  const { cluster, kubectl, project } = fixture;
  const good = podSpec(container(cluster.image));
  const sealed = podSpec(container(cluster.image, IDLE, { securityContext: { readOnlyRootFilesystem: true } }));
  await fixture.create(jobSet("train", [replicatedJob("head", 1, sealed), replicatedJob("worker", 3, good)]));
  const pods = await fixture.running(4, TRAIN);
  const [head, ...workers] = pods.toSorted((a, b) => roleOf(a).localeCompare(roleOf(b)));
  await fixture.expectMembers("jobset/train", states(pods, "current"));
  const before = await fingerprint(kubectl, "jobset/train");

  await project.write("src/f.txt", "one\n");
  const kinsync = fixture.up("jobset/train");
  expect(await kinsync.ready()).toMatchObject({ members: 4, targets: 4, synced: 3 });
  const failed = await kinsync.until("the head failed", ({ event }) => event === "failed");
  expect(failed).toMatchObject({ pod: head?.metadata.name, container: "main", code: "KINSYNC_TARGET_READ_ONLY" });
  expect(failed.reason).toContain(TO);
  await fixture.save(kinsync, "f.txt", "two\n", workers);
  await fixture.save(kinsync, "f.txt", "three\n", workers);

  expect(await fingerprint(kubectl, "jobset/train")).toEqual(before);
  await fixture.expectMembers("jobset/train", states(pods, "current"));
  const after = await kubectl.pods(TRAIN);
  expect(after.map(({ metadata }) => metadata.uid)).toEqual(pods.map(({ metadata }) => metadata.uid));
  await kinsync.interrupt();
  const once = await fixture.sync("jobset/train");
  expect(once.end.code).toBe(3);
  expect(once.events.at(-1)).toMatchObject({ event: "summary", targets: 4, synced: 3, failed: 1 });
});

situation("a JobSet whose name begins with another's is not updated", { needs: ["jobset"] }, async (fixture) => {
  const { cluster, project } = fixture;
  const spec = podSpec(container(cluster.image));
  await fixture.create(
    jobSet("train", [replicatedJob("a", 1, spec)]),
    jobSet("train-a", [replicatedJob("a", 1, spec)]),
  );
  const own = await fixture.running(1, TRAIN);
  const others = await fixture.running(1, ofJobSet("train-a"));
  await project.write("src/f.txt", "one\n");
  const kinsync = fixture.up("jobset/train");
  expect(await kinsync.ready()).toMatchObject({ members: 1, targets: 1, synced: 1 });
  await fixture.save(kinsync, "f.txt", "two\n", own);
  for (const pod of others) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: old\n" });
  await fixture.expectMembers("jobset/train", states(own, "current"));
  await fixture.expectMembers("jobset/train-a", states(others, "current"));
});

situation("a pod and a Job with only the labels of a JobSet stay as is", { needs: ["jobset"] }, async (fixture) => {
  const { cluster, kubectl, project } = fixture;
  const spec = podSpec(container(cluster.image));
  await fixture.create(jobSet("train", [replicatedJob("a", 1, spec)]));
  const own = await fixture.running(1, TRAIN);
  const { labels = {} } = own[0]?.metadata ?? {};
  const [job] = await kubectl.list<KubeObject>("jobs", TRAIN);
  // With the labels of its Job's selector, the pod would be adopted.
  const alike = Object.fromEntries(Object.entries(labels).filter(([name]) => !/controller-uid|job-name/.test(name)));
  await fixture.create(pod("alike", spec, alike), {
    ...indexedJob("train-a-1", 1, spec, alike),
    metadata: { name: "train-a-1", labels: job?.metadata.labels ?? {} },
  });
  const all = await fixture.running(3, TRAIN);
  const others = all.filter((pod) => !isOneOf(own)(pod));
  await fixture.expectMembers("jobset/train", states(own, "current"));
  await project.write("src/f.txt", "one\n");
  const kinsync = fixture.up("jobset/train");
  expect(await kinsync.ready()).toMatchObject({ members: 1, targets: 1, synced: 1 });
  await fixture.save(kinsync, "f.txt", "two\n", own);
  for (const pod of others) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: old\n" });
  await fixture.expectMembers("jobset/train", states(own, "current"));
});

situation("a JobSet that is deleted and created again is updated", { needs: ["jobset"] }, async (fixture) => {
  const { cluster, kubectl, project } = fixture;
  const manifest = training("train", 2, podSpec(container(cluster.image)));
  await fixture.create(manifest);
  const pods = await fixture.running(3, TRAIN);
  const kinsync = await fixture.upWithFile("jobset/train");
  await fixture.untilSame(pods);
  await fixture.expectMembers("jobset/train", states(pods, "current"));

  await kubectl.delete("jobset/train", "--cascade=foreground");
  await project.write("src/f.txt", "two\n");
  await fixture.create(manifest);
  const fresh = await fixture.running(3, TRAIN);
  expect(fresh.some(({ metadata }) => pods.some((pod) => pod.metadata.uid === metadata.uid))).toBe(false);
  await fixture.untilSame(fresh);
  await fixture.expectMembers("jobset/train", states(fresh, "current"));
  await fixture.save(kinsync, "f.txt", "three\n", fresh);
});

situation("only containers of the selected role are updated", { needs: ["jobset"] }, async (fixture) => {
  const { cluster, project } = fixture;
  await fixture.create(training("train", 2, podSpec(container(cluster.image))));
  const pods = await fixture.running(3, TRAIN);
  const workers = pods.filter((pod) => roleOf(pod) === "worker");
  const heads = pods.filter((pod) => roleOf(pod) === "head");
  await fixture.expectMembers("jobset/train", states(pods, "current"));
  await project.write("src/f.txt", "one\n");
  const kinsync = fixture.up("jobset/train", { args: ["--role", "worker"] });
  expect(await kinsync.ready()).toMatchObject({ targets: 2, synced: 2 });
  await fixture.save(kinsync, "f.txt", "two\n", workers);
  for (const pod of heads) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: old\n" });
  await fixture.expectMembers("jobset/train", states(pods, "current"));
});

situation("a JobSet that another controller manages is updated", { needs: ["jobset"] }, async (fixture) => {
  const { cluster, kubectl, project } = fixture;
  const manager = "example.com/queue";
  const spec = podSpec(container(cluster.image));
  await fixture.create(jobSet("train", [replicatedJob("worker", 2, spec)], { managedBy: manager }));
  await project.write("src/f.txt", "one\n");
  const kinsync = fixture.up("jobset/train");
  expect(await kinsync.ready()).toMatchObject({ members: 0, targets: 0, synced: 0 });
  await kinsync.until(
    "another controller manages the JobSet",
    ({ event, reason }) => event === "note" && reason?.includes(`managed by ${manager}`) === true,
  );
  await fixture.expectMembers("jobset/train", {});
  expect(await kubectl.list("jobs")).toEqual([]);

  // The Jobs that the JobSet controller would create. The Job controller creates the pods of the first, none those of the second.
  const owner = (object: KubeObject): V1OwnerReference => {
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
  const jobOf = (index: number, more: Partial<JobSpec>): Job => {
    const job = indexedJob(`train-worker-${index}`, 2, spec, labels(index), more);
    return { ...job, metadata: { ...job.metadata, ownerReferences: [root] } };
  };
  await fixture.create(jobOf(0, {}), jobOf(1, { managedBy: manager }));
  const job = await kubectl.get("job/train-worker-1");
  await fixture.create({
    ...pod("by-hand", { restartPolicy: "Never", ...spec }),
    metadata: { name: "by-hand", labels: labels(1), ownerReferences: [owner(job)] },
  });
  const pods = await fixture.running(3, TRAIN);
  await fixture.untilSame(pods);
  await fixture.expectMembers("jobset/train", states(pods, "current"));
  await fixture.save(kinsync, "f.txt", "two\n", pods);
});
