import { expect } from "vitest";
import {
  container,
  fuse,
  jobSet,
  ofJobSet,
  podSpec,
  replicatedJob,
  roleOf,
  ROLE_LABEL,
  SEED,
  training,
} from "../harness/manifests.ts";
import { isRunning } from "../harness/objects.ts";
import type { KubeObject } from "../harness/objects.ts";
import { situation } from "../harness/situation.ts";
import { fingerprint } from "../harness/fixture.ts";
import { isOneOf, states } from "../harness/pods.ts";

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
    await stage.truth("jobset/train", states(pods, "current"));
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
  "workers of a JobSet that wait for a Ready head: the head is served before there are any, then they are caught up",
  { needs: ["jobset"] },
  async (stage) => {
    const { kubectl, project, world } = stage;
    const ready = { readinessProbe: { exec: { command: ["test", "-e", "/tmp/ready"] }, periodSeconds: 1 } };
    const head = replicatedJob("head", 1, podSpec(container(world.image, undefined, ready)));
    const worker = replicatedJob("worker", 3, podSpec(container(world.image)));
    await stage.create(jobSet("train", [head, { ...worker, dependsOn: [{ name: "head", status: "Ready" }] }]));
    const first = await stage.running(1, TRAIN);
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("jobset/train");
    expect(await kinsync.ready()).toMatchObject({ members: 1, targets: 1, synced: 1 });
    await kinsync.until(
      "Jobs are not there yet",
      ({ event, reason }) => event === "note" && /1 of the JobSet's 2 Jobs/.test(reason ?? ""),
    );
    await stage.truth("jobset/train", states(first, "current"));
    await stage.save(kinsync, "f.txt", "two\n", first);

    await kubectl.run(["exec", first[0]?.metadata.name ?? "", "--", "touch", "/tmp/ready"]);
    const pods = await stage.running(4, TRAIN);
    expect(pods.filter(isOneOf(first))).toHaveLength(1);
    await stage.same(pods);
    await stage.truth("jobset/train", states(pods, "current"));
    await stage.save(kinsync, "f.txt", "three\n", pods);
  },
);

situation(
  "workers of a JobSet that wait for a head to complete, and the JobSet completes with them: the ended get nothing more",
  { needs: ["jobset"] },
  async (stage) => {
    const { kubectl, project, world } = stage;
    // A file that is saved lets them end.
    const until = (file: string): ReturnType<typeof podSpec> =>
      podSpec(container(world.image, `${SEED}; while [ ! -e /app/src/${file} ]; do sleep 0.2; done`));
    const worker = { ...replicatedJob("worker", 2, until("stop")), dependsOn: [{ name: "head", status: "Complete" }] };
    await stage.create(jobSet("train", [replicatedJob("head", 1, until("go")), worker]));
    const heads = await stage.running(1, TRAIN);
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("jobset/train");
    expect(await kinsync.ready()).toMatchObject({ members: 1, targets: 1, synced: 1 });
    await stage.save(kinsync, "f.txt", "two\n", heads);
    await stage.truth("jobset/train", states(heads, "current"));

    await project.write("src/go", "");
    const workers = await stage.running(2, TRAIN);
    const since = kinsync.mark();
    await stage.same(workers);
    await stage.truth("jobset/train", { ...states(heads, "finished"), ...states(workers, "current") });
    await stage.save(kinsync, "f.txt", "three\n", workers);
    expect(kinsync.servedOf(heads, since)).toEqual([]);

    await project.write("src/stop", "");
    await kinsync.until(
      "it has ended",
      ({ event, reason }) => event === "note" && /has ended: Completed/.test(reason ?? ""),
    );
    await stage.truth("jobset/train", { ...states(heads, "finished"), ...states(workers, "finished") });
    expect((await kubectl.get("jobset/train")).status).toMatchObject({ terminalState: "Completed" });
    const once = await stage.sync("jobset/train", { args: ["--wait", "2s"] });
    expect(once.end.code).toBe(4);
    expect(once.end.stdout).toMatch(/has ended: Completed/);
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
    await stage.truth("jobset/train", states(pods, "current"));

    await kubectl.patch("jobset/train", { spec: { suspend: true } });
    await kinsync.until("it is suspended", ({ event, reason }) => event === "note" && /suspended/.test(reason ?? ""));
    await stage.until("no pod is left", async () => (await kubectl.pods(TRAIN)).length === 0);
    await stage.truth("jobset/train", {});
    await project.write("src/f.txt", "two\n");
    await kubectl.patch("jobset/train", { spec: { suspend: false } });
    const fresh = await stage.running(3, TRAIN);
    await stage.same(fresh);
    await stage.truth("jobset/train", states(fresh, "current"));
    await stage.save(kinsync, "f.txt", "three\n", fresh);
  },
);

situation(
  "a pod of a JobSet fails and its Job makes another one: that one is caught up, and nothing restarts",
  { needs: ["jobset"] },
  async (stage) => {
    const { kubectl, project, world } = stage;
    const patient = replicatedJob("worker", 2, fuse(world.image), { backoffLimit: 3 });
    await stage.create(jobSet("train", [replicatedJob("head", 1, podSpec(container(world.image))), patient]));
    const old = await stage.running(3, TRAIN);
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("jobset/train");
    await kinsync.ready();
    await stage.save(kinsync, "f.txt", "two\n", old);
    await stage.truth("jobset/train", states(old, "current"));

    const failing = old.filter((pod) => roleOf(pod) === "worker").slice(0, 1);
    const since = kinsync.mark();
    await kubectl.run(["exec", failing[0]?.metadata.name ?? "", "--", "touch", "/tmp/fail"]);
    const after = await stage.until("another pod runs beside those that did not fail", async () => {
      const running = (await kubectl.pods(TRAIN)).filter((pod) => isRunning(pod));
      return running.length === 3 && !running.some(isOneOf(failing)) && running;
    });
    expect(after.filter(isOneOf(old))).toHaveLength(2);
    await stage.same(after);
    await stage.truth("jobset/train", { ...states(failing, "finished"), ...states(after, "current") });
    await stage.save(kinsync, "f.txt", "three\n", after);
    expect(kinsync.servedOf(failing, since)).toEqual([]);
  },
);

situation(
  "a replicated job that grows and shrinks: pods that come are caught up, the others go on being served",
  { needs: ["jobset", "jobset-gates"] },
  async (stage) => {
    const { kubectl, project, world } = stage;
    const spec = podSpec(container(world.image));
    await stage.create(jobSet("train", [replicatedJob("head", 1, spec), replicatedJob("worker", 2, spec)]));
    const three = await stage.running(3, TRAIN);
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("jobset/train");
    await kinsync.ready();
    await stage.truth("jobset/train", states(three, "current"));
    const scale = async (pods: number): Promise<void> => {
      const change = ["parallelism", "completions"].map((field) => ({
        op: "replace",
        path: `/spec/replicatedJobs/1/template/spec/${field}`,
        value: pods,
      }));
      await kubectl.run(["patch", "jobset/train", "--type", "json", "--patch", JSON.stringify(change)]);
    };

    await scale(4);
    const five = await stage.running(5, TRAIN);
    expect(five.filter(isOneOf(three))).toHaveLength(3);
    await stage.same(five);
    await stage.truth("jobset/train", states(five, "current"));
    await stage.save(kinsync, "f.txt", "two\n", five);

    await scale(1);
    const two = await stage.until("the workers but one are gone", async () => {
      const pods = await kubectl.pods(TRAIN);
      return pods.length === 2 && pods;
    });
    await stage.truth("jobset/train", states(two, "current"));
    await stage.save(kinsync, "f.txt", "three\n", two);
    expect(two.every(isOneOf(three))).toBe(true);

    // The number of Jobs is another matter: nobody may change that.
    const more = [{ op: "replace", path: "/spec/replicatedJobs/1/replicas", value: 2 }];
    const refused = kubectl.run(["patch", "jobset/train", "--type", "json", "--patch", JSON.stringify(more)]);
    await expect(refused).rejects.toThrow(/immutable/);
  },
);
