import { expect } from "vitest";
import { container, pod, podSpec, statefulSet } from "../harness/manifests.ts";
import { situation } from "../harness/situation.ts";
import { strangers, untilNothingIsLeft } from "../harness/container-processes.ts";

situation("two runs on one workload: the newer one has it, the older one says who took it", {}, async (stage) => {
  const { project, world } = stage;
  await stage.create(statefulSet("db", 2, podSpec(container(world.image))));
  const pods = await stage.running(2);
  await project.writeAll({ "src/f.txt": "one\n", "src2/f.txt": "other\n" });
  const older = stage.up("sts/db");
  await older.ready();
  await stage.same(pods);
  const newer = stage.up("sts/db", { sync: ["src2:/app/src"] });
  expect(await newer.ready()).toMatchObject({ targets: 2, synced: 2 });
  await stage.same(pods, "src2");
  // It is met when the older one has something to write.
  await project.write("src/f.txt", "two\n");
  for (const { metadata } of pods) {
    const halted = await older.until(
      `${metadata.name} was taken`,
      ({ event, uid }) => event === "halted" && uid === metadata.uid,
    );
    expect(halted.code).toBe("KINSYNC_TARGET_TAKEN");
  }
  await stage.same(pods, "src2");
  const since = newer.mark();
  await project.write("src2/f.txt", "the newer one's\n");
  await stage.synced(newer, "f.txt", pods, since);
  for (const each of pods) expect((await stage.look(each))?.["f.txt"]).toBe("file: the newer one's\n");
});

situation(
  "Ctrl-C ends with 130, what was carried stays, no process and no stage is left in the container",
  {},
  async (stage) => {
    const { project, world } = stage;
    await stage.create(pod("x", podSpec(container(world.image))));
    const pods = await stage.running(1);
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("pod/x");
    await kinsync.ready();
    await stage.save(kinsync, "f.txt", "two\n", pods);
    const end = await kinsync.interrupt();
    expect(end.code).toBe(130);
    expect(kinsync.events.at(-1)).toMatchObject({ event: "summary", targets: 1, synced: 1 });
    await stage.same(pods);
    await untilNothingIsLeft(stage, "x");
  },
);

situation(
  "kinsync is killed: nothing of it goes on in the container, and the next run catches up",
  {},
  async (stage) => {
    const { project, world } = stage;
    await stage.create(pod("x", podSpec(container(world.image))));
    const pods = await stage.running(1);
    await project.writeAll({ "src/f.txt": "one\n", "src/g.txt": "g\n" });
    const kinsync = stage.up("pod/x");
    await kinsync.ready();
    expect(await strangers(stage, "x")).not.toEqual([]);
    kinsync.signal("SIGKILL");
    await kinsync.ended;
    await stage.until(
      "nothing of kinsync runs in the container",
      async () => (await strangers(stage, "x")).length === 0,
    );
    await project.write("src/f.txt", "two\n");
    await project.remove("src/g.txt");
    const once = await stage.sync("pod/x");
    expect(once.end.code).toBe(0);
    await stage.same(pods);
  },
);

situation("a command that follows a save runs in each container that got it", {}, async (stage) => {
  const { project, world } = stage;
  const run = [{ when: ["*.txt"], command: "cat /app/src/f.txt >>/tmp/seen" }];
  const workloads = [{ workload: "sts/db", sync: [{ from: "src", to: "/app/src" }], run }];
  await project.write("kinsync.config.json", JSON.stringify({ workloads }));
  await project.write("src/f.txt", "one\n");
  await stage.create(statefulSet("db", 2, podSpec(container(world.image))));
  const pods = await stage.running(2);
  const kinsync = stage.start(["up", "-o", "json"]);
  await kinsync.ready();
  await stage.save(kinsync, "f.txt", "two\n", pods);
  for (const each of pods) {
    await stage.until(`the command ran in ${each.metadata.name}`, async () =>
      (await stage.look(each, "/tmp/seen"))?.["."]?.endsWith("two\n"),
    );
  }
});
