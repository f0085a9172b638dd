import type { V1ConfigMap } from "@kubernetes/client-node";
import { expect } from "vitest";
import type { Fixture } from "../harness/fixture.ts";
import type { KinsyncEvent } from "../harness/kinsync-process.ts";
import { container, IDLE, pod, podSpec } from "../harness/manifests.ts";
import type { Pod } from "../harness/objects.ts";
import { situation } from "../harness/situation.ts";

/** What the volumes hold before kinsync starts, as paths below the mapped folder. */
const VOLUMES = { ".snapshot/hourly/s.txt": "file: s\n", "data/d.txt": "file: d\n", "data/deep/e.txt": "file: e\n" };

/** A pod with a volume at /app/src, below it another one at data, and a read-only one at .snapshot. */
async function podWithVolumesBelow(fixture: Fixture): Promise<Pod> {
  const { image } = fixture.cluster;
  const seed = container(
    image,
    "echo old >/code/old.txt; echo d >/data/d.txt; mkdir /data/deep; echo e >/data/deep/e.txt; " +
      "mkdir /snapshot/hourly; echo s >/snapshot/hourly/s.txt",
    { name: "seed", volumeMounts: ["code", "data", "snapshot"].map((name) => ({ name, mountPath: `/${name}` })) },
  );
  const main = container(image, IDLE, {
    volumeMounts: [
      { name: "code", mountPath: "/app/src" },
      { name: "data", mountPath: "/app/src/data" },
      { name: "snapshot", mountPath: "/app/src/.snapshot", readOnly: true },
    ],
  });
  const volumes = ["code", "data", "snapshot"].map((name) => ({ name, emptyDir: {} }));
  await fixture.create(pod("x", podSpec(main, { initContainers: [seed], volumes })));
  const [x] = await fixture.running(1);
  if (x === undefined) throw new Error("no pod runs");
  return x;
}

async function files(fixture: Fixture, x: Pod): Promise<Readonly<Record<string, string>>> {
  const all = Object.entries((await fixture.list(x)) ?? {});
  return Object.fromEntries(all.filter(([, what]) => what !== "folder"));
}

function noted(events: readonly KinsyncEvent[], text: RegExp): readonly KinsyncEvent[] {
  return events.filter(({ event, reason }) => event === "note" && text.test(reason ?? ""));
}

async function mirrored(fixture: Fixture): Promise<void> {
  const sync = [{ from: "src", to: "/app/src", mirror: true }];
  await fixture.project.write("kinsync.config.json", JSON.stringify({ workloads: [{ workload: "pod/x", sync }] }));
}

situation("mirror deletes nothing of the volumes below its folder", {}, async (fixture) => {
  const { project } = fixture;
  const x = await podWithVolumesBelow(fixture);
  await project.write("src/a.txt", "a\n");
  await mirrored(fixture);
  const kinsync = fixture.start(["up", "--allow-deletes", "-o", "json"]);
  expect(await kinsync.ready()).toMatchObject({ targets: 1, synced: 1 });
  expect(await files(fixture, x)).toEqual({ ...VOLUMES, "a.txt": "file: a\n" });
  // old.txt alone: what stands in the other volumes is not counted either.
  expect(kinsync.events.find(({ event }) => event === "synced")).toMatchObject({ deleted: 1 });
  await project.remove("src/a.txt");
  await project.write("src/b.txt", "b\n");
  await fixture.save(kinsync, "c.txt", "c\n", [x]);
  await fixture.until("a.txt is deleted", async () => (await files(fixture, x))["a.txt"] === undefined);
  expect(await files(fixture, x)).toEqual({ ...VOLUMES, "b.txt": "file: b\n", "c.txt": "file: c\n" });
  const notes = noted(kinsync.events, /mounted below/);
  expect(notes).toHaveLength(1);
  expect(notes[0]?.reason).toContain(".snapshot, data");
});

situation("files are synced into a volume below, and only they are deleted", {}, async (fixture) => {
  const { project } = fixture;
  const x = await podWithVolumesBelow(fixture);
  await project.writeAll({ "src/a.txt": "a\n", "src/data/mine.txt": "m\n", "src/data/deep/er/mine.txt": "m\n" });
  const kinsync = fixture.up("pod/x");
  expect(await kinsync.ready()).toMatchObject({ targets: 1, synced: 1 });
  const others = { ...VOLUMES, "old.txt": "file: old\n" };
  expect(await files(fixture, x)).toEqual({
    ...others,
    "a.txt": "file: a\n",
    "data/mine.txt": "file: m\n",
    "data/deep/er/mine.txt": "file: m\n",
  });
  await project.remove("src/data");
  await fixture.save(kinsync, "a.txt", "b\n", [x]);
  await fixture.until("data/mine.txt is deleted", async () => (await files(fixture, x))["data/mine.txt"] === undefined);
  expect(await files(fixture, x)).toEqual({ ...others, "a.txt": "file: b\n" });
  expect(await fixture.list(x, "/app/src/data")).not.toHaveProperty(["deep/er"]);
});

situation("a file for a read-only volume below fails and is named", {}, async (fixture) => {
  const { project } = fixture;
  const x = await podWithVolumesBelow(fixture);
  await project.writeAll({ "src/a.txt": "a\n", "src/.snapshot/mine.txt": "m\n" });
  const refused = await fixture.sync("pod/x");
  expect(refused.end.code).toBe(3);
  const failed = refused.events.find(({ event }) => event === "failed");
  expect(failed).toMatchObject({ pod: "x", code: "KINSYNC_TARGET_READ_ONLY" });
  expect(failed?.reason).toContain("/app/src/.snapshot");
  expect(await files(fixture, x)).toMatchObject(VOLUMES);
});

situation("mirror leaves a mounted file, and a save to it is refused", {}, async (fixture) => {
  const { cluster, project } = fixture;
  await fixture.create({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "settings" },
    data: { "app.yaml": "theirs\n" },
  } as V1ConfigMap);
  const main = container(cluster.image, `echo old >/app/src/old.txt; ${IDLE}`, {
    volumeMounts: [
      { name: "code", mountPath: "/app/src" },
      { name: "settings", mountPath: "/app/src/app.yaml", subPath: "app.yaml" },
    ],
  });
  const volumes = [
    { name: "code", emptyDir: {} },
    { name: "settings", configMap: { name: "settings" } },
  ];
  await fixture.create(pod("x", podSpec(main, { volumes })));
  const [x] = await fixture.running(1);
  if (x === undefined) throw new Error("no pod runs");
  await project.write("src/a.txt", "a\n");
  await mirrored(fixture);
  const sync = ["sync", "--allow-deletes", "-o", "json"];
  expect((await fixture.start(sync).ended).code).toBe(0);
  expect(await files(fixture, x)).toEqual({ "a.txt": "file: a\n", "app.yaml": "file: theirs\n" });
  await project.writeAll({ "src/app.yaml": "mine\n", "src/a.txt": "b\n" });
  const refused = await fixture.start(sync).ended;
  expect(refused.code).toBe(3);
  expect(refused.stdout).toMatch(/KINSYNC_TARGET_(MOUNTED_FILE|READ_ONLY)/);
  expect(await files(fixture, x)).toMatchObject({ "app.yaml": "file: theirs\n" });
});
