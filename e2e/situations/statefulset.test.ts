import { expect } from "vitest";
import { container, podSpec, statefulSet } from "../manifests.ts";
import { isRunning } from "../objects.ts";
import { situation } from "../situation.ts";
import { fingerprint } from "../stage.ts";

const DB = "app=db";

situation(
  "a StatefulSet with a partition: pods that are kept get the file too, and are told apart",
  {},
  async (stage) => {
    const { kubectl, project, world } = stage;
    const env = (value: string): Readonly<Record<string, unknown>> => ({ env: [{ name: "VERSION", value }] });
    await stage.create(
      statefulSet("db", 3, podSpec(container(world.image, undefined, env("1"))), {
        updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 2 } },
      }),
    );
    const old = await stage.running(3, DB);
    await kubectl.patch("statefulset/db", {
      spec: { template: { spec: podSpec(container(world.image, undefined, env("2"))) } },
    });
    const pods = await stage.until("db-2 is of the new revision", async () => {
      const all = await kubectl.pods(DB);
      const hasNew = all.some(({ metadata }) => metadata.name === "db-2" && metadata.uid !== old[2]?.metadata.uid);
      return hasNew && all.length === 3 && all.every((pod) => isRunning(pod)) && all;
    });
    expect(pods.slice(0, 2).map(({ metadata }) => metadata.uid)).toEqual(
      old.slice(0, 2).map(({ metadata }) => metadata.uid),
    );
    const before = await fingerprint(kubectl, "statefulset/db");

    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("sts/db");
    expect(await kinsync.ready()).toMatchObject({ members: 3, targets: 3, synced: 3 });
    await stage.save(kinsync, "f.txt", "two\n", pods);
    await stage.truth("sts/db", { "db-0": "kept", "db-1": "kept", "db-2": "current" });
    expect(await fingerprint(kubectl, "statefulset/db")).toEqual(before);
  },
);

situation("a pod that is deleted and comes back under its name: the new one is caught up", {}, async (stage) => {
  const { kubectl, project, world } = stage;
  await stage.create(statefulSet("db", 2, podSpec(container(world.image))));
  const old = await stage.running(2, DB);
  await project.write("src/f.txt", "one\n");
  const kinsync = stage.up("sts/db");
  await kinsync.ready();
  await stage.save(kinsync, "f.txt", "two\n", old);
  await kubectl.delete("pod/db-0", "--grace-period=1");
  const fresh = await stage.running(2, DB);
  expect(fresh[0]?.metadata.name).toBe("db-0");
  expect(fresh[0]?.metadata.uid).not.toBe(old[0]?.metadata.uid);
  await stage.same(fresh);
  await stage.save(kinsync, "f.txt", "three\n", fresh);
});

situation(
  "a StatefulSet is deleted and its pods are left: they get nothing until a new one adopts them",
  {},
  async (stage) => {
    const { kubectl, project, world } = stage;
    const manifest = statefulSet("db", 2, podSpec(container(world.image)));
    await stage.create(manifest);
    const pods = await stage.running(2, DB);
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("sts/db");
    await kinsync.ready();
    await stage.same(pods);

    const since = kinsync.mark();
    await kubectl.delete("statefulset/db", "--cascade=orphan");
    for (const { metadata } of pods) {
      await kinsync.until(
        `${metadata.name} is no member`,
        ({ event, uid, state }) => event === "member" && uid === metadata.uid && state === "gone",
        { since },
      );
    }
    await project.write("src/f.txt", "two\n");
    await kinsync.until("two is saved", ({ event }) => event === "generation", { since });
    for (const pod of pods) expect(await stage.look(pod)).toEqual({ "f.txt": "file: one\n" });

    await stage.create(manifest);
    await stage.same(pods);
    await stage.save(kinsync, "f.txt", "three\n", pods);
    const after = await stage.running(2, DB);
    expect(after.map(({ metadata }) => metadata.uid)).toEqual(pods.map(({ metadata }) => metadata.uid));
  },
);
