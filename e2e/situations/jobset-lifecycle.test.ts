import { expect } from "vitest";
import { fingerprint } from "../harness/fixture.ts";
import { jobSet, ofJobSet, replicatedJob, ROLE_LABEL, roleOf, training } from "../harness/jobset-manifests.ts";
import { container, failingOnRequest, podSpec, SEED } from "../harness/manifests.ts";
import type { KubeObject } from "../harness/objects.ts";
import { isOneOf, isRunning, states } from "../harness/pods.ts";
import { failPods, openGate } from "../harness/pod-triggers.ts";
import { situation } from "../harness/situation.ts";

const TRAIN = ofJobSet("train");

situation("a JobSet updates its head and its younger workers", { needs: ["jobset"] }, async (fixture) => {
  const { cluster, kubectl, project } = fixture;
  await fixture.create(training("train", 4, podSpec(container(cluster.image))));
  const pods = await fixture.running(5, TRAIN);
  const jobs = await kubectl.list<KubeObject>("jobs", TRAIN);
  const created = jobs.map(({ metadata }) => `${metadata.labels?.[ROLE_LABEL]} ${metadata.creationTimestamp}`);
  expect(new Set(jobs.map(({ metadata }) => metadata.creationTimestamp)).size, created.join(", ")).toBe(2);
  await fixture.expectMembers("jobset/train", states(pods, "current"));
  const before = await fingerprint(kubectl, "jobset/train");
  for (const pod of pods) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: old\n" });

  await project.write("src/f.txt", "one\n");
  const kinsync = fixture.up("jobset/train");
  expect(await kinsync.ready()).toMatchObject({ members: 5, targets: 5, synced: 5 });
  for (const pod of pods) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: one\n" });
  await fixture.save(kinsync, "f.txt", "two\n", pods);
  await fixture.save(kinsync, "deep/er/g.txt", "three\n", pods);

  const { members } = await fixture.tree("jobset/train");
  expect(members.map(({ role, state }) => `${role} ${state}`)).toEqual([
    "head current",
    ...Array.from({ length: 4 }, () => "worker current"),
  ]);
  expect(new Set(members.map(({ uid }) => uid))).toEqual(new Set(pods.map(({ metadata }) => metadata.uid)));
  expect(await fingerprint(kubectl, "jobset/train")).toEqual(before);
  expect(await kinsync.interrupt()).toMatchObject({ code: 130 });
});

situation("workers that wait for a Ready head are updated as they start", { needs: ["jobset"] }, async (fixture) => {
  const { cluster, kubectl, project } = fixture;
  const ready = { readinessProbe: { exec: { command: ["test", "-e", "/tmp/ready"] }, periodSeconds: 1 } };
  const head = replicatedJob("head", 1, podSpec(container(cluster.image, undefined, ready)));
  const worker = replicatedJob("worker", 3, podSpec(container(cluster.image)));
  await fixture.create(jobSet("train", [head, { ...worker, dependsOn: [{ name: "head", status: "Ready" }] }]));
  const first = await fixture.running(1, TRAIN);
  await project.write("src/f.txt", "one\n");
  const kinsync = fixture.up("jobset/train");
  expect(await kinsync.ready()).toMatchObject({ members: 1, targets: 1, synced: 1 });
  await kinsync.until(
    "Jobs are missing",
    ({ event, reason }) => event === "note" && /1 of the JobSet's 2 Jobs/.test(reason ?? ""),
  );
  await fixture.expectMembers("jobset/train", states(first, "current"));
  await fixture.save(kinsync, "f.txt", "two\n", first);

  await openGate(kubectl, first);
  const pods = await fixture.running(4, TRAIN);
  expect(pods.filter(isOneOf(first))).toHaveLength(1);
  await fixture.untilSame(pods);
  await fixture.expectMembers("jobset/train", states(pods, "current"));
  await fixture.save(kinsync, "f.txt", "three\n", pods);
});

situation("completed pods of a JobSet are no longer updated", { needs: ["jobset"] }, async (fixture) => {
  const { cluster, kubectl, project } = fixture;
  // Pods end when the file is synced.
  const endsWith = (file: string): ReturnType<typeof podSpec> =>
    podSpec(container(cluster.image, `${SEED}; while [ ! -e /app/src/${file} ]; do sleep 0.2; done`));
  const worker = {
    ...replicatedJob("worker", 2, endsWith("stop")),
    dependsOn: [{ name: "head", status: "Complete" as const }],
  };
  await fixture.create(jobSet("train", [replicatedJob("head", 1, endsWith("go")), worker]));
  const heads = await fixture.running(1, TRAIN);
  await project.write("src/f.txt", "one\n");
  const kinsync = fixture.up("jobset/train");
  expect(await kinsync.ready()).toMatchObject({ members: 1, targets: 1, synced: 1 });
  await fixture.save(kinsync, "f.txt", "two\n", heads);
  await fixture.expectMembers("jobset/train", states(heads, "current"));

  await project.write("src/go", "");
  const workers = await fixture.running(2, TRAIN);
  const since = kinsync.mark();
  await fixture.untilSame(workers);
  await fixture.expectMembers("jobset/train", { ...states(heads, "finished"), ...states(workers, "current") });
  await fixture.save(kinsync, "f.txt", "three\n", workers);
  expect(kinsync.syncedAmong(heads, since)).toEqual([]);

  await project.write("src/stop", "");
  await kinsync.until(
    "the JobSet has ended",
    ({ event, reason }) => event === "note" && /has ended: Completed/.test(reason ?? ""),
  );
  await fixture.expectMembers("jobset/train", { ...states(heads, "finished"), ...states(workers, "finished") });
  expect((await kubectl.get("jobset/train")).status).toMatchObject({ terminalState: "Completed" });
  const once = await fixture.sync("jobset/train", { args: ["--wait", "2s"] });
  expect(once.end.code).toBe(4);
  expect(once.end.stdout).toMatch(/has ended: Completed/);
});

situation("a suspended and resumed JobSet updates its new pods", { needs: ["jobset"] }, async (fixture) => {
  const { cluster, kubectl, project } = fixture;
  await fixture.create(training("train", 2, podSpec(container(cluster.image))));
  const pods = await fixture.running(3, TRAIN);
  const kinsync = await fixture.upWithFile("jobset/train");
  await fixture.untilSame(pods);
  await fixture.expectMembers("jobset/train", states(pods, "current"));

  await kubectl.patch("jobset/train", { spec: { suspend: true } });
  await kinsync.until(
    "the JobSet is suspended",
    ({ event, reason }) => event === "note" && /suspended/.test(reason ?? ""),
  );
  await fixture.until("no pod exists", async () => (await kubectl.pods(TRAIN)).length === 0);
  await fixture.expectMembers("jobset/train", {});
  await project.write("src/f.txt", "two\n");
  await kubectl.patch("jobset/train", { spec: { suspend: false } });
  const fresh = await fixture.running(3, TRAIN);
  await fixture.untilSame(fresh);
  await fixture.expectMembers("jobset/train", states(fresh, "current"));
  await fixture.save(kinsync, "f.txt", "three\n", fresh);
});

situation("a pod that its Job replaces is updated without a restart", { needs: ["jobset"] }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  const retried = replicatedJob("worker", 2, failingOnRequest(cluster.image), { backoffLimit: 3 });
  await fixture.create(jobSet("train", [replicatedJob("head", 1, podSpec(container(cluster.image))), retried]));
  const old = await fixture.running(3, TRAIN);
  const kinsync = await fixture.upWithFile("jobset/train");
  await fixture.save(kinsync, "f.txt", "two\n", old);
  await fixture.expectMembers("jobset/train", states(old, "current"));

  const failing = old.filter((pod) => roleOf(pod) === "worker").slice(0, 1);
  const since = kinsync.mark();
  await failPods(kubectl, failing);
  const after = await fixture.until("another pod runs beside the two that did not fail", async () => {
    const running = (await kubectl.pods(TRAIN)).filter((pod) => isRunning(pod));
    return running.length === 3 && !running.some(isOneOf(failing)) && running;
  });
  expect(after.filter(isOneOf(old))).toHaveLength(2);
  await fixture.untilSame(after);
  await fixture.expectMembers("jobset/train", { ...states(failing, "finished"), ...states(after, "current") });
  await fixture.save(kinsync, "f.txt", "three\n", after);
  expect(kinsync.syncedAmong(failing, since)).toEqual([]);
});

situation(
  "a replicated Job that is resized updates all its pods",
  { needs: ["jobset", "jobset-gates"] },
  async (fixture) => {
    const { cluster, kubectl } = fixture;
    const spec = podSpec(container(cluster.image));
    await fixture.create(jobSet("train", [replicatedJob("head", 1, spec), replicatedJob("worker", 2, spec)]));
    const three = await fixture.running(3, TRAIN);
    const kinsync = await fixture.upWithFile("jobset/train");
    await fixture.expectMembers("jobset/train", states(three, "current"));
    const scale = async (pods: number): Promise<void> => {
      const change = ["parallelism", "completions"].map((field) => ({
        op: "replace",
        path: `/spec/replicatedJobs/1/template/spec/${field}`,
        value: pods,
      }));
      await kubectl.run(["patch", "jobset/train", "--type", "json", "--patch", JSON.stringify(change)]);
    };

    await scale(4);
    const five = await fixture.running(5, TRAIN);
    expect(five.filter(isOneOf(three))).toHaveLength(3);
    await fixture.untilSame(five);
    await fixture.expectMembers("jobset/train", states(five, "current"));
    await fixture.save(kinsync, "f.txt", "two\n", five);

    await scale(1);
    const two = await fixture.until("all workers except one are deleted", async () => {
      const pods = await kubectl.pods(TRAIN);
      return pods.length === 2 && pods;
    });
    await fixture.expectMembers("jobset/train", states(two, "current"));
    await fixture.save(kinsync, "f.txt", "three\n", two);
    expect(two.every(isOneOf(three))).toBe(true);

    // The number of Jobs cannot be changed.
    const more = [{ op: "replace", path: "/spec/replicatedJobs/1/replicas", value: 2 }];
    const refused = kubectl.run(["patch", "jobset/train", "--type", "json", "--patch", JSON.stringify(more)]);
    await expect(refused).rejects.toThrow(/immutable/);
  },
);
