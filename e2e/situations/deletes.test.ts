import { expect } from "vitest";
import { container, IDLE, pod, podSpec } from "../harness/manifests.ts";
import { emptyPod } from "../harness/mapped-pod.ts";
import { situation } from "../harness/situation.ts";

situation("a run from another folder deletes no files of the first without consent", {}, async (fixture) => {
  const { project } = fixture;
  await project.writeAll({ "src/f.txt": "one\n", "src/first.txt": "x\n", "src2/f.txt": "other\n" });
  const x = await emptyPod(fixture);
  const first = fixture.up("pod/x");
  await first.ready();
  const refused = await fixture.sync("pod/x", { sync: ["src2:/app/src"] });
  expect(refused.end.code).toBe(3);
  const halted = refused.events.find(({ code }) => code === "KINSYNC_TARGET_DELETES");
  expect(halted).toMatchObject({ event: "halted", pod: "x", deletes: { count: 1, paths: ["first.txt"] } });
  // The first run still owns the folder.
  await fixture.untilSame([x]);
  await fixture.save(first, "f.txt", "two\n", [x]);
  expect((await first.interrupt()).code).toBe(130);
  const allowed = await fixture.sync("pod/x", { sync: ["src2:/app/src"], args: ["--allow-deletes"] });
  expect(allowed.end.code).toBe(0);
  await fixture.untilSame([x], { from: "src2" });
});

situation("mirror deletes files of the image only with consent", {}, async (fixture) => {
  const { cluster, project } = fixture;
  await project.writeAll({ "src/f.txt": "new\n", "src/g.txt": "g\n" });
  const script = `mkdir -p /app/src/sub; echo old >/app/src/f.txt; echo x >/app/src/sub/image.txt; echo y >/app/neighbor.txt; ${IDLE}`;
  await fixture.create(pod("x", podSpec(container(cluster.image, script))));
  const [x] = await fixture.running(1);
  if (x === undefined) throw new Error("no pod runs");
  const config = (to: string, from: string): string =>
    JSON.stringify({ workloads: [{ workload: "pod/x", sync: [{ from, to, mirror: true }] }] });
  await project.write("kinsync.json", config("/app/src", "src"));
  const command = ["sync", "--config", "kinsync.json", "-o", "json"];
  const refused = await fixture.start(command).ended;
  expect(refused.code).toBe(3);
  expect(refused.stdout).toContain("KINSYNC_TARGET_DELETES");
  expect(Object.keys((await fixture.list(x)) ?? {}).toSorted()).toEqual(["f.txt", "sub", "sub/image.txt"]);
  expect((await fixture.start([...command, "--allow-deletes"]).ended).code).toBe(0);
  await fixture.untilSame([x]);
  // A mapped single file mirrors nothing but itself.
  await project.write("kinsync.json", config("/app/src/g.txt", "src/g.txt"));
  expect((await fixture.start([...command, "--allow-deletes"]).ended).code).toBe(0);
  await fixture.untilSame([x]);
  expect(await fixture.list(x, "/app")).toHaveProperty(["neighbor.txt"]);
});
