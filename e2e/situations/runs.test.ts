import { expect } from "vitest";
import { kinsyncProcesses, untilNothingRemains } from "../harness/container-processes.ts";
import { container, pod, podSpec, statefulSet } from "../harness/manifests.ts";
import { situation } from "../harness/situation.ts";

situation("the newer of two runs takes over, and the older reports it", {}, async (fixture) => {
  const { cluster, project } = fixture;
  await fixture.create(statefulSet("db", 2, podSpec(container(cluster.image))));
  const pods = await fixture.running(2);
  await project.writeAll({ "src/f.txt": "one\n", "src2/f.txt": "other\n" });
  const older = fixture.up("sts/db");
  await older.ready();
  await fixture.untilSame(pods);
  const newer = fixture.up("sts/db", { sync: ["src2:/app/src"] });
  expect(await newer.ready()).toMatchObject({ targets: 2, synced: 2 });
  await fixture.untilSame(pods, { from: "src2" });
  // The older run notices it at its next save.
  await project.write("src/f.txt", "two\n");
  for (const { metadata } of pods) {
    const halted = await older.until(
      `${metadata.name} was taken over`,
      ({ event, uid }) => event === "halted" && uid === metadata.uid,
    );
    expect(halted.code).toBe("KINSYNC_TARGET_TAKEN");
  }
  await fixture.untilSame(pods, { from: "src2" });
  const since = newer.mark();
  await project.write("src2/f.txt", "the newer one's\n");
  await fixture.synced(newer, "f.txt", pods, since);
  for (const each of pods) expect((await fixture.list(each))?.["f.txt"]).toBe("file: the newer one's\n");
});

situation("Ctrl-C exits with 130 and leaves no process in the container", {}, async (fixture) => {
  const { cluster } = fixture;
  await fixture.create(pod("x", podSpec(container(cluster.image))));
  const pods = await fixture.running(1);
  const kinsync = await fixture.upWithFile("pod/x");
  await fixture.save(kinsync, "f.txt", "two\n", pods);
  const end = await kinsync.interrupt();
  expect(end.code).toBe(130);
  expect(kinsync.events.at(-1)).toMatchObject({ event: "summary", targets: 1, synced: 1 });
  await fixture.untilSame(pods);
  await untilNothingRemains(fixture, "x");
});

situation("a killed kinsync leaves no process, and the next run recovers", {}, async (fixture) => {
  const { cluster, project } = fixture;
  await fixture.create(pod("x", podSpec(container(cluster.image))));
  const pods = await fixture.running(1);
  await project.writeAll({ "src/f.txt": "one\n", "src/g.txt": "g\n" });
  const kinsync = fixture.up("pod/x");
  await kinsync.ready();
  expect(await kinsyncProcesses(fixture, "x")).not.toEqual([]);
  kinsync.signal("SIGKILL");
  await kinsync.ended;
  await fixture.until(
    "kinsync runs no process in the container",
    async () => (await kinsyncProcesses(fixture, "x")).length === 0,
  );
  await project.write("src/f.txt", "two\n");
  await project.remove("src/g.txt");
  const once = await fixture.sync("pod/x");
  expect(once.end.code).toBe(0);
  await fixture.untilSame(pods);
});

situation("a command runs in each updated container after a save", {}, async (fixture) => {
  const { cluster, project } = fixture;
  const run = [{ when: ["*.txt"], command: "cat /app/src/f.txt >>/tmp/seen" }];
  const workloads = [{ workload: "sts/db", sync: [{ from: "src", to: "/app/src" }], run }];
  await project.write("kinsync.config.json", JSON.stringify({ workloads }));
  await project.write("src/f.txt", "one\n");
  await fixture.create(statefulSet("db", 2, podSpec(container(cluster.image))));
  const pods = await fixture.running(2);
  const kinsync = fixture.start(["up", "-o", "json"]);
  await kinsync.ready();
  await fixture.save(kinsync, "f.txt", "two\n", pods);
  for (const each of pods) {
    await fixture.until(`the command ran in ${each.metadata.name}`, async () =>
      (await fixture.list(each, "/tmp/seen"))?.["."]?.endsWith("two\n"),
    );
  }
});
