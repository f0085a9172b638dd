import { expect } from "vitest";
import type { Fixture } from "../harness/fixture.ts";
import { jobSet, ofJobSet, replicatedJob, roleOf } from "../harness/jobset-manifests.ts";
import type { KinsyncEvent, KinsyncProcess } from "../harness/kinsync-process.ts";
import { container, deployment, podSpec } from "../harness/manifests.ts";
import type { Pod } from "../harness/objects.ts";
import { situation } from "../harness/situation.ts";

const LOG = "/tmp/ran";

/** A head and two workers, and `up` with these commands. */
async function up(
  fixture: Fixture,
  run: readonly Readonly<Record<string, unknown>>[],
): Promise<{ readonly pods: readonly Pod[]; readonly kinsync: KinsyncProcess }> {
  const spec = podSpec(container(fixture.cluster.image));
  await fixture.create(jobSet("train", [replicatedJob("head", 1, spec), replicatedJob("worker", 2, spec)]));
  const pods = await fixture.running(3, ofJobSet("train"));
  const workloads = [{ workload: "jobset/train", sync: [{ from: "src", to: "/app/src" }], run }];
  await fixture.project.writeAll({ "src/f.txt": "one\n", "kinsync.config.json": JSON.stringify({ workloads }) });
  const kinsync = fixture.start(["up", "-o", "json"]);
  await kinsync.ready();
  return { pods, kinsync };
}

async function logs({ kubectl }: Fixture, pods: readonly Pod[]): Promise<Readonly<Record<string, string>>> {
  const read = async (pod: Pod): Promise<[string, string]> => {
    const script = `cat ${LOG} 2>/dev/null || true`;
    return [pod.metadata.name, await kubectl.run(["exec", pod.metadata.name, "--", "sh", "-c", script])];
  };
  return Object.fromEntries(await Promise.all(pods.map(read)));
}

const ended = (kinsync: KinsyncProcess, since: number): readonly string[] =>
  kinsync.events.slice(since).flatMap(({ event, role }) => (event === "run" ? [role ?? ""] : []));

situation("workers run a command before the head does, with its folder and variables", {}, async (fixture) => {
  const command = `echo "$PWD $GREETING" >>${LOG}`;
  const action = { when: ["*"], command, workdir: "/app/src", env: { GREETING: `a "b" $(c)` } };
  const { pods, kinsync } = await up(fixture, [{ ...action, order: ["worker", "head"] }]);
  await fixture.until("three commands ended", async () => ended(kinsync, 0).length === 3);
  const since = kinsync.events.length;
  await fixture.save(kinsync, "f.txt", "two\n", pods);
  await fixture.until("three commands ended", async () => ended(kinsync, since).length === 3);
  expect(ended(kinsync, since)).toEqual(["worker", "worker", "head"]);
  const line = `/app/src a "b" $(c)\n`;
  expect(Object.values(await logs(fixture, pods))).toEqual(pods.map(() => line + line));
});

situation("a command for one member, for the leader, and once in a container", {}, async (fixture) => {
  const { pods, kinsync } = await up(fixture, [
    { when: ["*"], command: `echo one >>${LOG}`, on: "one" },
    { when: ["*"], command: `echo leader >>${LOG}`, on: "leader", roles: ["worker"] },
    { when: ["*"], command: `echo once >>${LOG}`, once: true },
  ]);
  const settled = (saves: number): Promise<unknown> =>
    fixture.until(`commands after ${saves} saves`, async () => ended(kinsync, 0).length >= 3 + 2 * saves);
  await settled(1);
  await fixture.save(kinsync, "f.txt", "two\n", pods);
  await settled(2);
  const ran = Object.entries(await logs(fixture, pods));
  const count = (word: string): number =>
    ran.flatMap(([, text]) => text.split("\n")).filter((line) => line === word).length;
  expect({ one: count("one"), leader: count("leader"), once: count("once") }).toEqual({ one: 2, leader: 2, once: 3 });
  const leader = ran.filter(([, text]) => text.includes("leader")).map(([name]) => name);
  expect(pods.filter(({ metadata }) => leader.includes(metadata.name)).map(roleOf)).toEqual(["worker"]);
});

situation(
  "what only a new image brings is not sent and runs a command here; a hook that fails keeps changes from the release",
  {},
  async (fixture) => {
    const { project } = fixture;
    await fixture.create(deployment("web", 1, podSpec(container(fixture.cluster.image))));
    const pods = await fixture.running(1);
    const [pod] = pods as [Pod];
    const workload = {
      workload: "deploy/web",
      sync: [{ from: "src", to: "/app/src" }],
      rebuild: { when: ["Dockerfile"], command: "echo built >>built" },
      hooks: { before: "test ! -e broken" },
    };
    await project.writeAll({
      "src/f.txt": "one\n",
      "src/Dockerfile": "FROM a\n",
      "kinsync.config.json": JSON.stringify({ workloads: [workload] }),
    });
    const kinsync = fixture.start(["up", "-o", "json"]);
    await kinsync.ready();
    const local = (): readonly string[] =>
      (kinsync.events as readonly (KinsyncEvent & { readonly what?: string; readonly phase?: string })[])
        .filter(({ event, phase }) => event === "local" && phase === "ends")
        .map(({ what, ok }) => `${what} ${ok}`);
    expect(local()).toEqual(["before true"]);
    await project.write("src/Dockerfile", "FROM b\n");
    await fixture.until("the command ended", async () => local().includes("rebuild true"));
    await fixture.save(kinsync, "f.txt", "two\n", pods);
    expect(Object.keys((await fixture.list(pod)) ?? {})).not.toContain("Dockerfile");

    await project.write("broken", "");
    await project.write("src/f.txt", "three\n");
    await fixture.until("the hook failed", async () => local().includes("before false"));
    expect((await fixture.list(pod))?.["f.txt"]).toBe("file: two\n");
    await project.remove("broken");
    await fixture.save(kinsync, "f.txt", "four\n", pods);
  },
);
