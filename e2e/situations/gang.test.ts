import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import { TO, type Fixture } from "../harness/fixture.ts";
import { jobSet, ofJobSet, replicatedJob } from "../harness/jobset-manifests.ts";
import type { KinsyncEvent, KinsyncProcess } from "../harness/kinsync-process.ts";
import { container, podSpec } from "../harness/manifests.ts";
import type { Pod } from "../harness/objects.ts";
import { situation } from "../harness/situation.ts";

/** Waits. A Job replaces a pod that failed; one that ends with 0 has completed its index. */
const ENDS_WITH_1 = "trap 'exit 1' TERM; sleep 36000 & wait";
const TRAIN = ofJobSet("train");
const LIB = "/work/lib";
/** Two of them fit into the volume of a member, and one does not beside what `fill` puts there. */
const MODEL_BYTES = 200 << 10;
const FILL = `head -c 900000 /dev/zero >${TO}/fill`;
/** Long enough for every other member to show new bytes, if one ever did. */
const WATCHED_MS = 3_000;

/** Five members in two roles that are a gang, each with a small volume, and kinsync beside them. */
async function gangOfFive(
  fixture: Fixture,
  update: unknown = "gang",
): Promise<{ readonly kinsync: KinsyncProcess; readonly pods: readonly Pod[] }> {
  const { cluster, project } = fixture;
  const main = container(cluster.image, `mkdir -p ${LIB}; ${ENDS_WITH_1}`, {
    volumeMounts: [{ name: "code", mountPath: TO }],
  });
  const spec = podSpec(main, { volumes: [{ name: "code", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } }] });
  // A Job that ends with its first lost pod would end the JobSet.
  const more = { backoffLimit: 6 };
  await fixture.create(jobSet("train", [replicatedJob("head", 1, spec, more), replicatedJob("worker", 4, spec, more)]));
  const pods = await fixture.running(5, TRAIN);
  const sync = [
    { from: "src", to: TO },
    { from: "lib", to: LIB },
  ];
  await project.writeAll({
    "src/f.txt": "one\n",
    "lib/g.txt": "one\n",
    "kinsync.config.json": JSON.stringify({ workloads: [{ workload: "jobset/train", update, sync }] }),
  });
  const kinsync = fixture.start(["up", "-o", "json"]);
  expect(await kinsync.ready()).toMatchObject({ targets: 5, synced: 5 });
  return { kinsync, pods };
}

/** One file of each mapping, as the container shows it. */
async function shown({ kubectl }: Fixture, { metadata: { name } }: Pod): Promise<string> {
  return kubectl.run(["exec", name, "--", "cat", `${TO}/f.txt`, `${LIB}/g.txt`]);
}

/** The gang is in this phase. */
function isIn(expected: string): (event: KinsyncEvent) => boolean {
  return ({ event, phase }) => event === "gang" && phase === expected;
}

async function save({ project }: Fixture, text: string): Promise<void> {
  await project.writeAll({ "src/f.txt": text, "lib/g.txt": text });
}

async function expectAll(fixture: Fixture, pods: readonly Pod[], text: string): Promise<void> {
  for (const pod of pods) {
    await expect.poll(() => shown(fixture, pod), { timeout: 60_000 }).toBe(text + text);
  }
}

/** No member shows anything else for a while. */
async function expectAllKeep(fixture: Fixture, pods: readonly Pod[], text: string): Promise<void> {
  const until = performance.now() + WATCHED_MS;
  do {
    for (const pod of pods) expect(await shown(fixture, pod), pod.metadata.name).toBe(text + text);
    await delay(100);
  } while (performance.now() < until);
}

situation(
  "nobody shows new bytes while the volume of one member is full; all do when it has room",
  { needs: ["jobset"], timeout: 300_000 },
  async (fixture) => {
    const { kubectl, project } = fixture;
    const { kinsync, pods } = await gangOfFive(fixture);
    await save(fixture, "two\n");
    await expectAll(fixture, pods, "two\n");

    const full = pods[3]?.metadata.name ?? "";
    await kubectl.run(["exec", full, "--", "sh", "-c", FILL]);
    const since = kinsync.mark();
    await project.write("src/model.bin", Buffer.alloc(MODEL_BYTES, "x"));
    await save(fixture, "three\n");
    const held = await kinsync.until("it is held", isIn("held"), {
      since,
    });
    expect(held).toMatchObject({ prepared: 4, needed: 5, members: 5 });
    expect(JSON.stringify(held.waitingFor)).toContain(`pod/${full}`);
    await expectAllKeep(fixture, pods, "two\n");

    await kubectl.run(["exec", full, "--", "rm", `${TO}/fill`]);
    await expectAll(fixture, pods, "three\n");
    for (const pod of pods) expect(Object.keys((await fixture.list(pod)) ?? {})).toContain("model.bin");
    const { code } = await kinsync.interrupt();
    expect(code).toBe(130);
    expect(kinsync.events.at(-1)).toMatchObject({ event: "summary", targets: 5, synced: 5 });
  },
);

situation(
  "a member that joins at a barrier gets the released snapshot, and takes part",
  { needs: ["jobset"], timeout: 300_000 },
  async (fixture) => {
    const { kubectl, project } = fixture;
    const { kinsync, pods } = await gangOfFive(fixture);
    await save(fixture, "two\n");
    await expectAll(fixture, pods, "two\n");

    const full = pods[0]?.metadata.name ?? "";
    await kubectl.run(["exec", full, "--", "sh", "-c", FILL]);
    const since = kinsync.mark();
    await project.write("src/model.bin", Buffer.alloc(MODEL_BYTES, "x"));
    await save(fixture, "three\n");
    await kinsync.until("it is held", isIn("held"), { since });

    const gone = pods[4]?.metadata.name ?? "";
    await kubectl.run(["delete", "pod", gone, "--wait=false"]);
    const now = await fixture.running(5, TRAIN);
    const joined = now.find(({ metadata }) => pods.every((pod) => pod.metadata.uid !== metadata.uid));
    if (joined === undefined) throw new Error("no pod replaced the deleted one");
    await expectAll(fixture, [joined], "two\n");
    await expectAllKeep(fixture, now, "two\n");

    await kubectl.run(["exec", full, "--", "rm", `${TO}/fill`]);
    await expectAll(fixture, now, "three\n");
  },
);

situation(
  "all return to the snapshot before where one member cannot commit what it has prepared",
  { needs: ["jobset"], timeout: 300_000 },
  async (fixture) => {
    const { kubectl, project } = fixture;
    const { kinsync, pods } = await gangOfFive(fixture, { mode: "gang", onFailure: "rollback" });
    await save(fixture, "two\n");
    await expectAll(fixture, pods, "two\n");

    const full = pods[3]?.metadata.name ?? "";
    const prepared = pods[1]?.metadata.name ?? "";
    await kubectl.run(["exec", full, "--", "sh", "-c", FILL]);
    const since = kinsync.mark();
    await project.write("src/model.bin", Buffer.alloc(MODEL_BYTES, "x"));
    await save(fixture, "three\n");
    await kinsync.until("all but one are prepared", isIn("held"), { since });
    // Nobody can know of it before the commit: another program's files are where the prepared file belongs.
    const obstacle = `${TO}/model.bin`;
    await kubectl.run(["exec", prepared, "--", "sh", "-c", `mkdir ${obstacle} && echo mine >${obstacle}/f`]);
    await kubectl.run(["exec", full, "--", "rm", `${TO}/fill`]);

    const end = await kinsync.until("they go back", isIn("rolled-back"), { since });
    expect(JSON.stringify(end.waitingFor)).toContain(`pod/${prepared}`);
    // The others commit, and then go back.
    const others = pods.filter(({ metadata }) => metadata.name !== prepared);
    for (const { metadata } of others) {
      const isOwn = ({ event, uid }: KinsyncEvent): boolean => event === "synced" && uid === metadata.uid;
      await expect
        .poll(() => kinsync.events.slice(since).filter(isOwn).length, { timeout: 60_000 })
        .toBeGreaterThanOrEqual(2);
    }
    await expectAll(fixture, pods, "two\n");
    await expectAllKeep(fixture, pods, "two\n");
    const name = (pod: Pod): string => pod.metadata.name;
    for (const pod of pods) {
      const files = Object.keys((await fixture.list(pod)) ?? {}).filter((path) => path.startsWith("model.bin"));
      expect(files, name(pod)).toEqual(name(pod) === prepared ? ["model.bin", "model.bin/f"] : []);
    }
    expect(await kubectl.run(["exec", prepared, "--", "cat", `${obstacle}/f`])).toBe("mine\n");

    await kubectl.run(["exec", prepared, "--", "rm", "-r", obstacle]);
    await save(fixture, "four\n");
    await expectAll(fixture, pods, "four\n");
    for (const pod of pods) expect(Object.keys((await fixture.list(pod)) ?? {})).toContain("model.bin");
    const { code } = await kinsync.interrupt();
    expect(code).toBe(130);
    expect(kinsync.events.at(-1)).toMatchObject({ event: "summary", targets: 5, synced: 5 });
  },
);

situation(
  "a single sync of a gang changes nothing and ends with exit code 3 where a member has no room",
  { needs: ["jobset"], timeout: 300_000 },
  async (fixture) => {
    const { kubectl, project } = fixture;
    const { kinsync, pods } = await gangOfFive(fixture);
    await kinsync.interrupt();
    const full = pods[2]?.metadata.name ?? "";
    await kubectl.run(["exec", full, "--", "sh", "-c", FILL]);
    await project.write("src/model.bin", Buffer.alloc(MODEL_BYTES, "x"));
    await save(fixture, "two\n");
    const { code, stdout } = await fixture.start(["sync", "-o", "json", "--wait", "5s"]).ended;
    expect(code, stdout).toBe(3);
    await expectAllKeep(fixture, pods, "one\n");
  },
);
