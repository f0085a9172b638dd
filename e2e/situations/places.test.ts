import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import { untilNothingRemains } from "../harness/container-processes.ts";
import type { Fixture } from "../harness/fixture.ts";
import type { KinsyncProcess } from "../harness/kinsync-process.ts";
import { container, IDLE, pod, podSpec, statefulSet } from "../harness/manifests.ts";
import type { Pod } from "../harness/objects.ts";
import { isRunning } from "../harness/pods.ts";
import { situation } from "../harness/situation.ts";

/** Longer than the interval in which a session checks that its mapped roots are still its own. */
const QUIET_MS = 25_000;

/** A StatefulSet of three pods that mount one folder of their node. */
async function threeOnOneFolder(fixture: Fixture): Promise<readonly Pod[]> {
  const { cluster, namespace } = fixture;
  const volumes = [{ name: "code", hostPath: { path: `/tmp/${namespace}`, type: "DirectoryOrCreate" } }];
  const volumeMounts = [{ name: "code", mountPath: "/app/src" }];
  await fixture.create(statefulSet("db", 3, podSpec(container(cluster.image, IDLE, { volumeMounts }), { volumes })));
  return fixture.running(3);
}

/** Events of these kinds since a mark, as `EVENT POD/CONTAINER`. */
function seen({ events }: KinsyncProcess, since: number): readonly string[] {
  return events.slice(since).map(({ event, pod: name = "", container: of = "" }) => `${event} ${name}/${of}`);
}

/** How many targets a batch was sent to since a mark. */
function sent({ events }: KinsyncProcess, since: number): number {
  return events.slice(since).filter(({ event, files = 0, deleted = 0 }) => event === "synced" && files + deleted > 0)
    .length;
}

situation("three pods with one volume are written once and stay quiet", { timeout: 300_000 }, async (fixture) => {
  const { project } = fixture;
  const pods = await threeOnOneFolder(fixture);
  await project.writeAll({ "src/f.txt": "one\n", "src/gone.txt": "x\n", "src/folder/g.txt": "g\n" });
  const kinsync = fixture.up("sts/db");
  expect(await kinsync.ready()).toMatchObject({ targets: 3, synced: 3 });
  await fixture.untilSame(pods);
  expect(sent(kinsync, 0)).toBe(1);

  const quiet = kinsync.mark();
  await delay(QUIET_MS);
  expect(seen(kinsync, quiet)).toEqual([]);

  const saved = kinsync.mark();
  await fixture.save(kinsync, "f.txt", "two\n", pods);
  expect(sent(kinsync, saved)).toBe(1);
  const removed = kinsync.mark();
  await project.remove("src/gone.txt");
  await fixture.synced(kinsync, "gone.txt", pods, removed);
  await fixture.untilSame(pods);
  expect(sent(kinsync, removed)).toBe(1);
  expect(kinsync.events.filter(({ event }) => ["retry", "failed", "halted"].includes(event))).toEqual([]);
  expect((await kinsync.interrupt()).code).toBe(130);
  expect(kinsync.events.at(-1)).toMatchObject({ event: "summary", targets: 3, synced: 3 });
  for (const { metadata } of pods) await untilNothingRemains(fixture, metadata.name);
});

situation("a pod that leaves a shared volume does not lose it", { timeout: 300_000 }, async (fixture) => {
  const { kubectl, project } = fixture;
  const pods = await threeOnOneFolder(fixture);
  await project.writeAll({ "src/f.txt": "one\n", "src/gone.txt": "x\n" });
  const kinsync = fixture.up("sts/db");
  await kinsync.ready();
  const left = kinsync.mark();
  // The first pod writes for all of them.
  await kubectl.delete("pod/db-0", "--grace-period=1");
  await fixture.save(kinsync, "f.txt", "two\n", pods.slice(1));
  const all = await fixture.until("the new db-0 runs", async () => {
    const running = (await kubectl.pods()).filter((each) => isRunning(each));
    return running.length === 3 && running.every(({ metadata }) => metadata.uid !== pods[0]?.metadata.uid) && running;
  });
  await project.remove("src/gone.txt");
  await fixture.save(kinsync, "f.txt", "three\n", all);
  await fixture.untilSame(all);
  expect(kinsync.events.slice(left).filter(({ event }) => event === "failed" || event === "halted")).toEqual([]);
});

situation("a second run takes a shared volume over as a whole", { timeout: 300_000 }, async (fixture) => {
  const { project } = fixture;
  const pods = await threeOnOneFolder(fixture);
  await project.writeAll({ "src/f.txt": "one\n", "src/older.txt": "x\n", "src2/f.txt": "other\n" });
  const older = fixture.up("sts/db");
  await older.ready();
  const newer = fixture.up("sts/db", { sync: ["src2:/app/src"], args: ["--allow-deletes"] });
  expect(await newer.ready()).toMatchObject({ targets: 3, synced: 3 });
  await fixture.untilSame(pods, { from: "src2" });
  await project.write("src/f.txt", "two\n");
  for (const { metadata } of pods) {
    await older.until(
      `${metadata.name} halted`,
      ({ event, uid, code }) => event === "halted" && uid === metadata.uid && code === "KINSYNC_TARGET_TAKEN",
    );
  }
  await delay(QUIET_MS / 2);
  await fixture.untilSame(pods, { from: "src2" });
  expect((await older.interrupt()).code).toBe(130);
  expect(older.events.at(-1)).toMatchObject({ event: "summary", halted: 3, synced: 0 });
  const since = newer.mark();
  await project.write("src2/g.txt", "g\n");
  await fixture.synced(newer, "g.txt", pods, since);
  expect(sent(newer, since)).toBe(1);
});

situation("two containers with one emptyDir are written once", { timeout: 300_000 }, async (fixture) => {
  const { cluster, project } = fixture;
  const php = container(cluster.image, IDLE, { name: "php", volumeMounts: [{ name: "code", mountPath: "/var/www" }] });
  const nginx = container(cluster.image, IDLE, {
    name: "nginx",
    volumeMounts: [{ name: "code", mountPath: "/srv/html", readOnly: true }],
  });
  await fixture.create(pod("x", podSpec([nginx, php], { volumes: [{ name: "code", emptyDir: {} }] })));
  await fixture.running(1, "", "nginx");
  const [x] = await fixture.running(1, "", "php");
  if (x === undefined) throw new Error("no pod runs");
  await project.writeAll({ "src/index.php": "one\n", "src/gone.php": "x\n" });
  await project.write(
    "kinsync.config.yaml",
    `workloads:
  - workload: pod/x
    sync:
      - { from: src, to: /var/www, container: php }
      - { from: src, to: /srv/html, container: nginx }
    run:
      - { when: ["*.php"], command: ["sh", "-c", "echo ran >> /tmp/ran"] }
`,
  );
  const kinsync = fixture.start(["up", "-o", "json"]);
  expect(await kinsync.ready()).toMatchObject({ targets: 2, synced: 2 });
  const local = { "index.php": "file: one\n", "gone.php": "file: x\n" };
  expect(await fixture.list(x, "/var/www", "php")).toEqual(local);
  expect(await fixture.list(x, "/srv/html", "nginx")).toEqual(local);
  expect(sent(kinsync, 0)).toBe(1);
  await fixture.until(
    "the command ran in both containers",
    () => kinsync.events.filter(({ event }) => event === "run").length === 2,
  );

  const quiet = kinsync.mark();
  await delay(QUIET_MS);
  expect(seen(kinsync, quiet)).toEqual([]);

  const since = kinsync.mark();
  await project.replace("src/index.php", "two\n");
  await project.remove("src/gone.php");
  await fixture.until(
    "both containers ran the command again",
    () =>
      new Set(kinsync.events.slice(since).flatMap(({ event, container: of }) => (event === "run" ? [of] : []))).size ===
      2,
  );
  await expect
    .poll(() => fixture.list(x, "/srv/html", "nginx"), { timeout: 30_000 })
    .toEqual({ "index.php": "file: two\n" });
  expect(await fixture.list(x, "/var/www", "php")).toEqual({ "index.php": "file: two\n" });
  expect(kinsync.events.filter(({ event }) => ["retry", "failed", "halted"].includes(event))).toEqual([]);
  expect(kinsync.events.filter(({ event, ok }) => event === "run" && ok !== true)).toEqual([]);
});
