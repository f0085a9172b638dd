import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import { untilNothingRemains } from "../harness/container-processes.ts";
import { container, podSpec, statefulSet } from "../harness/manifests.ts";
import { emptyPod } from "../harness/mapped-pod.ts";
import { isRunning } from "../harness/pods.ts";
import { situation } from "../harness/situation.ts";

const SLEEP_MS = 60_000;

/** A sync that waits although it could end exceeds the time limit of its situation. */
const LONG_WAIT = ["--wait", "10m"];

situation("changes while the machine sleeps are synced when it wakes", { timeout: 300_000 }, async (fixture) => {
  const { cluster, kubectl, project } = fixture;
  await fixture.create(statefulSet("db", 2, podSpec(container(cluster.image))));
  const pods = await fixture.running(2);
  await project.writeAll({ "src/f.txt": "one\n", "src/gone.txt": "x\n" });
  const kinsync = fixture.up("sts/db");
  await kinsync.ready();
  await fixture.untilSame(pods);
  kinsync.signal("SIGSTOP");
  const until = performance.now() + SLEEP_MS;
  await kubectl.delete("pod/db-0", "--grace-period=1");
  const fresh = await fixture.until("the new db-0 runs", async () => {
    const all = (await kubectl.pods()).filter((pod) => isRunning(pod));
    return all.length === 2 && all[0]?.metadata.uid !== pods[0]?.metadata.uid && all;
  });
  await kubectl.run(["exec", "db-1", "--", "sh", "-c", "echo touched >/app/src/f.txt"]);
  await project.writeAll({ "src/f.txt": "meanwhile\n", "src/new/g.txt": "g\n" });
  await project.remove("src/gone.txt");
  await delay(until - performance.now());
  kinsync.signal("SIGCONT");
  await fixture.untilSame(fresh);
  await fixture.save(kinsync, "f.txt", "awake\n", fresh);
  expect((await kinsync.interrupt()).code).toBe(130);
  for (const { metadata } of fresh) await untilNothingRemains(fixture, metadata.name);
});

situation("a run that was taken over while idle halts at its next save", {}, async (fixture) => {
  const { project } = fixture;
  await project.writeAll({ "src/f.txt": "one\n", "src/older.txt": "x\n", "src2/f.txt": "other\n" });
  const x = await emptyPod(fixture);
  const older = fixture.up("pod/x");
  await older.ready();
  const newer = fixture.up("pod/x", { sync: ["src2:/app/src"], args: ["--allow-deletes"] });
  expect(await newer.ready()).toMatchObject({ targets: 1, synced: 1 });
  // Files of the older run that the newer one does not have are deleted.
  await fixture.untilSame([x], { from: "src2" });
  await project.write("src/f.txt", "two\n");
  const halted = await older.until("the target halted", ({ event }) => event === "halted");
  expect(halted).toMatchObject({ code: "KINSYNC_TARGET_TAKEN", pod: "x", uid: x.metadata.uid, container: "main" });
  expect(halted.reason).toMatch(/another kinsync \(\S+@\S+, since \d{4}-\S+\) now writes/);
  expect((await older.interrupt()).code).toBe(130);
  expect(older.events.at(-1)).toMatchObject({ event: "summary", halted: 1, synced: 0 });
  const since = newer.mark();
  await project.write("src2/g.txt", "g\n");
  await fixture.synced(newer, "g.txt", [x], since);
  expect(await fixture.list(x)).toEqual(await project.list("src2"));
});

situation("two concurrent syncs of the same files both end", {}, async (fixture) => {
  const { cluster, project } = fixture;
  for (let at = 0; at < 200; at += 1) await project.write(`src/folder-${at % 20}/file-${at}.txt`, `${at}\n`);
  await fixture.create(statefulSet("db", 2, podSpec(container(cluster.image))));
  const pods = await fixture.running(2);
  const runs = await Promise.all([
    fixture.sync("sts/db", { args: LONG_WAIT }),
    fixture.sync("sts/db", { args: LONG_WAIT }),
  ]);
  // Each run may lose a pod to the other, which then syncs all files.
  for (const { end, events } of runs) {
    expect([0, 3]).toContain(end.code);
    if (end.code === 3) expect(events.map(({ code }) => code)).toContain("KINSYNC_TARGET_TAKEN");
  }
  for (const each of pods) {
    expect(await fixture.list(each)).toMatchObject(await project.list("src"));
    await untilNothingRemains(fixture, each.metadata.name);
  }
});

situation("two concurrent syncs of different files leave one whole tree", {}, async (fixture) => {
  const { project } = fixture;
  for (let at = 0; at < 200; at += 1) {
    await project.write(`src/folder-${at % 20}/file-${at}.txt`, `one ${at}\n`);
    await project.write(`src2/folder-${at % 30}/file-${at}.txt`, `two ${at}\n`);
  }
  const x = await emptyPod(fixture);
  const runs = await Promise.all([
    fixture.sync("pod/x", { args: LONG_WAIT }),
    fixture.sync("pod/x", { args: LONG_WAIT, sync: ["src2:/app/src"] }),
  ]);
  const trees = [await project.list("src"), await project.list("src2")];
  const done = trees.filter((_, at) => runs[at]?.end.code === 0);
  expect(done.length).toBeGreaterThan(0);
  expect(done).toContainEqual(await fixture.list(x));
  await untilNothingRemains(fixture, "x");
});
