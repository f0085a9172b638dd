import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import type { Fixture } from "../harness/fixture.ts";
import { jobSet, ofJobSet, replicatedJob, roleOf } from "../harness/jobset-manifests.ts";
import type { KinsyncEvent, KinsyncProcess } from "../harness/kinsync-process.ts";
import { container, deployment, podSpec, type PodSpec } from "../harness/manifests.ts";
import type { Pod } from "../harness/objects.ts";
import { situation } from "../harness/situation.ts";

/** What `kinsync wrapper` prints. */
const WRAPPER = join(import.meta.dirname, "../../packages/core/programs/wrapper.sh");

/** Seeds the program, and starts it by the wrapper. It writes a line for each start and each orderly end. */
const SUPERVISED =
  "mkdir -p /app/src; echo 'code=old' >/app/src/main.sh; exec sh /kinsync/kinsync-wrapper sh -c '. /app/src/main.sh; " +
  'echo "runs $code" >>/tmp/log; (sleep 0.1 &); trap "echo stopped >>/tmp/log; exit 0" TERM; sleep 36000 & wait\'';

/** A head and two workers whose process `kinsync wrapper` starts. */
async function supervised(fixture: Fixture): Promise<readonly Pod[]> {
  const wrapper = await readFile(WRAPPER, "utf8");
  const name = "kinsync-wrapper";
  const spec: PodSpec = podSpec(
    container(fixture.cluster.image, SUPERVISED, { volumeMounts: [{ name: "kinsync", mountPath: "/kinsync" }] }),
    { volumes: [{ name: "kinsync", configMap: { name } }] },
  );
  await fixture.create(
    { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { [name]: wrapper } } as never,
    jobSet("train", [replicatedJob("head", 1, spec), replicatedJob("worker", 2, spec)]),
  );
  return await fixture.running(3, ofJobSet("train"));
}

/** Starts `up` with this `restart`. The first sync restarts the processes, too. */
async function up(fixture: Fixture, restart: Readonly<Record<string, unknown>>): Promise<KinsyncProcess> {
  const workloads = [{ workload: "jobset/train", sync: [{ from: "src", to: "/app/src" }], restart }];
  await fixture.project.writeAll({ "src/main.sh": "code=one\n", "kinsync.config.json": JSON.stringify({ workloads }) });
  const kinsync = fixture.start(["up", "-o", "json"]);
  await kinsync.ready();
  return kinsync;
}

const log = async (fixture: Fixture, { metadata }: Pod): Promise<string> =>
  await fixture.kubectl.run(["exec", metadata.name, "--", "cat", "/tmp/log"]).catch(String);

async function untilLog(fixture: Fixture, pods: readonly Pod[], end: string): Promise<void> {
  for (const each of pods) {
    await fixture.until(`${each.metadata.name} logs ${end}`, async () => (await log(fixture, each)).endsWith(end));
  }
}

/** Steps of restarts that ended after some event, as `role step`. */
function steps(kinsync: KinsyncProcess, since: number): readonly string[] {
  const events: readonly (KinsyncEvent & { readonly step?: string })[] = kinsync.events.slice(since);
  return events.filter(({ event }) => event === "run").map(({ role, step }) => `${role} ${step}`);
}

situation(
  "a save restarts the processes of all members: all stop, then the workers start, then the head",
  { timeout: 240_000 },
  async (fixture) => {
    const pods = await supervised(fixture);
    await untilLog(fixture, pods, "runs old\n");
    const kinsync = await up(fixture, { order: ["worker", "head"], settle: 500 });
    await untilLog(fixture, pods, "runs one\n");
    await fixture.until("all have started", async () => steps(kinsync, 0).length === 6);
    const since = kinsync.events.length;
    await fixture.project.write("src/main.sh", "code=two\n");
    await untilLog(fixture, pods, "runs one\nstopped\nruns two\n");
    await fixture.until("all have started", async () => steps(kinsync, since).length === 6);
    const all = steps(kinsync, since);
    const [stopped, started] = [all.slice(0, 3), all.slice(3)];
    expect(stopped.toSorted()).toEqual(["head stop", "worker stop", "worker stop"]);
    expect(started).toEqual(["worker start", "worker start", "head start"]);
    for (const each of await fixture.running(3, ofJobSet("train"))) {
      expect(each.status?.containerStatuses?.[0]?.restartCount, roleOf(each)).toBe(0);
      const zombies = "cat /proc/[0-9]*/status 2>/dev/null | grep -c '^State:.*Z' || true";
      const count = (): Promise<string> => fixture.kubectl.run(["exec", each.metadata.name, "--", "sh", "-c", zombies]);
      await fixture.until("orphans are reaped", async () => (await count()).trim() === "0");
    }
  },
);

situation(
  "new code that fails at its start is shown with exit code and last lines, and the next save runs",
  { timeout: 240_000 },
  async (fixture) => {
    const pods = await supervised(fixture);
    const kinsync = await up(fixture, { when: ["*.sh"] });
    await untilLog(fixture, pods, "runs one\n");
    await fixture.until("all have started", async () => steps(kinsync, 0).length === 6);
    const since = kinsync.events.length;
    await fixture.project.write("src/main.sh", "echo 'no module named torhc' >&2; exit 7\n");
    await fixture.until(
      "three failures",
      async () => kinsync.events.slice(since).filter(({ ok }) => ok === false).length === 3,
    );
    expect(kinsync.events.slice(since).filter(({ ok }) => ok === false)).toMatchObject(
      pods.map(() => ({
        event: "run",
        step: "start",
        exitCode: 7,
        output: expect.stringContaining("no module named torhc"),
        reason: "the new process ended with exit code 7",
      })),
    );
    const status = await fixture.start(["status"]).ended;
    expect(status.code).toBe(3);
    expect(status.stdout).toContain("| no module named torhc");
    await fixture.project.write("src/main.sh", "code=fixed\n");
    await untilLog(fixture, pods, "runs fixed\n");
    await fixture.until("no failure is left", async () => (await fixture.start(["status"]).ended).code === 0);
    for (const each of await fixture.running(3, ofJobSet("train"))) {
      expect(each.status?.containerStatuses?.[0]?.restartCount, roleOf(each)).toBe(0);
    }
  },
);

situation(
  "a process without the wrapper is not restarted, and the message says what would make it possible",
  { timeout: 180_000 },
  async (fixture) => {
    const spec = podSpec(container(fixture.cluster.image));
    await fixture.create(jobSet("train", [replicatedJob("head", 1, spec)]));
    const [pod] = await fixture.running(1, ofJobSet("train"));
    const kinsync = await up(fixture, {});
    await fixture.until("a failure", async () => kinsync.events.some(({ ok }) => ok === false));
    expect(kinsync.events.find(({ ok }) => ok === false)?.reason).toMatch(/kinsync wrapper/);
    const [after] = await fixture.running(1, ofJobSet("train"));
    expect(after?.metadata.uid).toBe(pod?.metadata.uid);
    expect(after?.status?.containerStatuses?.[0]?.restartCount).toBe(0);
  },
);

/** Runs the code that is there, or says that there is none, until /tmp/crash exists. Each start adds a line to a file that outlasts the container. */
const HELD =
  "code=none; [ ! -e /app/src/main.sh ] || . /app/src/main.sh; " +
  'echo "runs $code" >>/kinsync/log; until [ -e /tmp/crash ]; do sleep 0.1; done; exit 3';

situation(
  "a container that an init container gave the wrapper to never runs without the files, neither at first nor after a crash",
  { timeout: 240_000 },
  async (fixture) => {
    const name = "kinsync-wrapper";
    const { image } = fixture.cluster;
    const wrapper = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name },
      data: { [name]: await readFile(WRAPPER, "utf8") },
    };
    const own = { name: "kinsync", mountPath: "/kinsync" };
    const copy = container(image, "cp /from/kinsync-wrapper /kinsync/ && chmod 755 /kinsync/kinsync-wrapper", {
      name,
      volumeMounts: [own, { name: "wrapper", mountPath: "/from" }],
    });
    const main = container(image, "", {
      command: ["/kinsync/kinsync-wrapper"],
      args: ["sh", "-c", HELD],
      env: [{ name: "KINSYNC_WRAPPER_HOLD", value: "3600" }],
      volumeMounts: [own],
    });
    const volumes = [
      { name: "kinsync", emptyDir: {} },
      { name: "wrapper", configMap: { name } },
    ];
    await fixture.create(wrapper, deployment("web", 2, podSpec(main, { initContainers: [copy], volumes })));
    const pods = await fixture.running(2);
    const inside = async ({ metadata }: Pod, command: string): Promise<string> =>
      await fixture.kubectl.run(["exec", metadata.name, "-c", "main", "--", "sh", "-c", command]).catch(String);
    const runs = async (pod: Pod): Promise<string> => await inside(pod, "cat /kinsync/log");
    const [crashing, other] = pods as [Pod, Pod];
    for (const each of pods) {
      await fixture.until(
        "the wrapper holds",
        async () => (await inside(each, "cat /tmp/.kinsync-wrapper/state")) === "held 0\n",
      );
    }

    const workloads = [
      { workload: "deployment/web", sync: [{ from: "src", to: "/app/src" }], restart: { when: ["other"] } },
    ];
    await fixture.project.writeAll({
      "src/main.sh": "code=one\n",
      "kinsync.config.json": JSON.stringify({ workloads }),
    });
    const kinsync = fixture.start(["up", "-o", "json"]);
    await kinsync.ready();
    for (const each of pods) await fixture.until("it runs", async () => (await runs(each)) === "runs one\n");
    // Until then an end of the process would count as a failed start, which does not end the container.
    await fixture.until("both starts have succeeded", async () => steps(kinsync, 0).length === 4);

    await inside(crashing, "touch /tmp/crash");
    await fixture.until("it runs again", async () => (await runs(crashing)) === "runs one\nruns one\n", {
      timeout: 60_000,
    });
    expect(await runs(other)).toBe("runs one\n");
    const after = await fixture.running(2);
    const restarts = after.map(({ metadata, status }) => [metadata.name, status?.containerStatuses?.[0]?.restartCount]);
    expect(Object.fromEntries(restarts)).toEqual({ [crashing.metadata.name]: 1, [other.metadata.name]: 0 });
  },
);
