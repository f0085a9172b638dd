import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import { container, podSpec, statefulSet } from "../harness/manifests.ts";
import { emptyPod } from "../harness/mapped-pod.ts";
import { isRunning } from "../harness/objects.ts";
import { situation } from "../harness/situation.ts";
import { untilNothingIsLeft } from "../harness/container-processes.ts";

/** Milliseconds. */
const SLEEP = 60_000;

/** Whoever waits although there is nothing left to wait for is not done in time. */
const PATIENT = ["--wait", "10m"];

situation(
  "the machine sleeps for a minute, a pod is replaced and files are saved meanwhile: awake, all are in step",
  { timeout: 300_000 },
  async (stage) => {
    const { kubectl, project, world } = stage;
    await stage.create(statefulSet("db", 2, podSpec(container(world.image))));
    const pods = await stage.running(2);
    await project.writeAll({ "src/f.txt": "one\n", "src/gone.txt": "x\n" });
    const kinsync = stage.up("sts/db");
    await kinsync.ready();
    await stage.same(pods);
    kinsync.signal("SIGSTOP");
    const until = performance.now() + SLEEP;
    await kubectl.delete("pod/db-0", "--grace-period=1");
    const fresh = await stage.until("db-0 is another one", async () => {
      const all = (await kubectl.pods()).filter((pod) => isRunning(pod));
      return all.length === 2 && all[0]?.metadata.uid !== pods[0]?.metadata.uid && all;
    });
    await kubectl.run(["exec", "db-1", "--", "sh", "-c", "echo touched >/app/src/f.txt"]);
    await project.writeAll({ "src/f.txt": "meanwhile\n", "src/new/g.txt": "g\n" });
    await project.remove("src/gone.txt");
    await delay(until - performance.now());
    kinsync.signal("SIGCONT");
    await stage.same(fresh);
    await stage.save(kinsync, "f.txt", "awake\n", fresh);
    expect((await kinsync.interrupt()).code).toBe(130);
    for (const { metadata } of fresh) await untilNothingIsLeft(stage, metadata.name);
  },
);

situation(
  "a newer run takes over from one that is idle: the older one halts at its next save, and names it",
  {},
  async (stage) => {
    const { project } = stage;
    await project.writeAll({ "src/f.txt": "one\n", "src/older.txt": "x\n", "src2/f.txt": "other\n" });
    const x = await emptyPod(stage);
    const older = stage.up("pod/x");
    await older.ready();
    const newer = stage.up("pod/x", { sync: ["src2:/app/src"] });
    expect(await newer.ready()).toMatchObject({ targets: 1, synced: 1 });
    // What the older one placed and the newer one has not is gone.
    await stage.same([x], "src2");
    await project.write("src/f.txt", "two\n");
    const halted = await older.until("it halted", ({ event }) => event === "halted");
    expect(halted).toMatchObject({ code: "KINSYNC_TARGET_TAKEN", pod: "x", uid: x.metadata.uid, container: "main" });
    expect(halted.reason).toMatch(/taken over by \S+@\S+, who began at \d{4}-/);
    expect((await older.interrupt()).code).toBe(130);
    expect(older.events.at(-1)).toMatchObject({ event: "summary", halted: 1, synced: 0 });
    const since = newer.mark();
    await project.write("src2/g.txt", "g\n");
    await stage.synced(newer, "g.txt", [x], since);
    expect(await stage.look(x)).toEqual(await project.picture("src2"));
  },
);

situation("kinsync sync twice at once, of the same files: all is there, and both end", {}, async (stage) => {
  const { project, world } = stage;
  for (let at = 0; at < 200; at += 1) await project.write(`src/folder-${at % 20}/file-${at}.txt`, `${at}\n`);
  await stage.create(statefulSet("db", 2, podSpec(container(world.image))));
  const pods = await stage.running(2);
  const runs = await Promise.all([stage.sync("sts/db", { args: PATIENT }), stage.sync("sts/db", { args: PATIENT })]);
  // Each may lose a pod to the other, which then brings it all.
  for (const { end, events } of runs) {
    expect([0, 3]).toContain(end.code);
    if (end.code === 3) expect(events.map(({ code }) => code)).toContain("KINSYNC_TARGET_TAKEN");
  }
  for (const each of pods) {
    expect(await stage.look(each)).toMatchObject(await project.picture("src"));
    await untilNothingIsLeft(stage, each.metadata.name);
  }
});

situation("kinsync sync twice at once, of different files: one of the two is there, whole", {}, async (stage) => {
  const { project } = stage;
  for (let at = 0; at < 200; at += 1) {
    await project.write(`src/folder-${at % 20}/file-${at}.txt`, `one ${at}\n`);
    await project.write(`src2/folder-${at % 30}/file-${at}.txt`, `two ${at}\n`);
  }
  const x = await emptyPod(stage);
  const runs = await Promise.all([
    stage.sync("pod/x", { args: PATIENT }),
    stage.sync("pod/x", { args: PATIENT, sync: ["src2:/app/src"] }),
  ]);
  const trees = [await project.picture("src"), await project.picture("src2")];
  const done = trees.filter((_, at) => runs[at]?.end.code === 0);
  expect(done.length).toBeGreaterThan(0);
  expect(done).toContainEqual(await stage.look(x));
  await untilNothingIsLeft(stage, "x");
});
