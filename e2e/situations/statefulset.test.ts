import { expect } from "vitest";
import { container, gated, gateMap, IDLE, openGate, podSpec, SEED, statefulSet } from "../harness/manifests.ts";
import { isRunning } from "../harness/objects.ts";
import type { Pod } from "../harness/objects.ts";
import { situation } from "../harness/situation.ts";
import { fingerprint } from "../harness/fixture.ts";
import type { Stage } from "../harness/fixture.ts";
import { isOneOf, states } from "../harness/pods.ts";

const DB = "app=db";

situation(
  "a StatefulSet with a partition: pods that are kept get the file too, and are told apart",
  {},
  async (stage) => {
    const { kubectl, project, world } = stage;
    await stage.create(
      statefulSet("db", 3, versioned(world.image, "1"), {
        updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 2 } },
      }),
    );
    const old = await stage.running(3, DB);
    await stage.truth("sts/db", states(old, "current"));
    await kubectl.patch("statefulset/db", { spec: { template: { spec: versioned(world.image, "2") } } });
    const pods = await untilReplaced(stage, old, ["db-2"]);
    const before = await fingerprint(kubectl, "statefulset/db");

    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("sts/db");
    expect(await kinsync.ready()).toMatchObject({ members: 3, targets: 3, synced: 3 });
    await stage.save(kinsync, "f.txt", "two\n", pods);
    await stage.truth("sts/db", { "db-0": "kept", "db-1": "kept", "db-2": "current" });
    expect(await fingerprint(kubectl, "statefulset/db")).toEqual(before);
  },
);

situation(
  "a StatefulSet that updates on delete: pods that nobody deleted are kept and get the file, a deleted one comes back as current",
  {},
  async (stage) => {
    const { kubectl, project, world } = stage;
    await stage.create(statefulSet("db", 3, versioned(world.image, "1"), { updateStrategy: { type: "OnDelete" } }));
    const old = await stage.running(3, DB);
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("sts/db");
    await kinsync.ready();
    await stage.same(old);
    await stage.truth("sts/db", states(old, "current"));

    await kubectl.patch("statefulset/db", { spec: { template: { spec: versioned(world.image, "2") } } });
    await stage.truth("sts/db", states(old, "kept"));
    await stage.save(kinsync, "f.txt", "two\n", old);

    await kubectl.delete("pod/db-1", "--grace-period=1");
    const pods = await untilReplaced(stage, old, ["db-1"]);
    await stage.same(pods);
    await stage.truth("sts/db", { "db-0": "kept", "db-1": "current", "db-2": "kept" });
    await stage.save(kinsync, "f.txt", "three\n", pods);
  },
);

situation(
  "a StatefulSet in the middle of a rolling update: pods that are still to be replaced get nothing, the new one does",
  {},
  async (stage) => {
    const { kubectl, project, world } = stage;
    await stage.create(
      gateMap("open"),
      statefulSet("db", 3, gated(world.image, "1"), { podManagementPolicy: "OrderedReady" }),
    );
    const old = await stage.running(3, DB);
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("sts/db");
    await kinsync.ready();
    await stage.save(kinsync, "f.txt", "two\n", old);
    await stage.truth("sts/db", states(old, "current"));

    await kubectl.patch("configmap/gate", gateMap("closed"));
    await kubectl.patch("statefulset/db", { spec: { template: { spec: gated(world.image, "2") } } });
    const middle = await untilReplaced(stage, old, ["db-2"]);
    const waiting = middle.slice(0, 2);
    const fresh = middle.slice(2);
    await stage.same(fresh);
    await stage.truth("sts/db", { "db-0": "superseded", "db-1": "superseded", "db-2": "current" });
    await stage.save(kinsync, "f.txt", "three\n", fresh);
    for (const pod of waiting) expect(await stage.look(pod)).toEqual({ "f.txt": "file: two\n" });

    await kubectl.patch("configmap/gate", gateMap("open"));
    await openGate(kubectl, fresh);
    const last = await untilReplaced(stage, old, ["db-0", "db-1", "db-2"]);
    await stage.same(last);
    await stage.truth("sts/db", states(last, "current"));
    await stage.save(kinsync, "f.txt", "four\n", last);
  },
);

situation(
  "a StatefulSet that is rolled back before all of it was updated: pods of the older revision are served again at once",
  {},
  async (stage) => {
    const { kubectl, project, world } = stage;
    await stage.create(gateMap("open"), statefulSet("db", 3, gated(world.image, "1")));
    const old = await stage.running(3, DB);
    await stage.truth("sts/db", states(old, "current"));
    await kubectl.patch("configmap/gate", gateMap("closed"));
    await kubectl.patch("statefulset/db", { spec: { template: { spec: gated(world.image, "2") } } });
    const middle = await untilReplaced(stage, old, ["db-2"]);
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("sts/db");
    expect(await kinsync.ready()).toMatchObject({ members: 3, targets: 1, synced: 1 });
    await stage.same(middle.slice(2));
    for (const pod of middle.slice(0, 2)) expect(await stage.look(pod)).toEqual({ "f.txt": "file: old\n" });
    await stage.truth("sts/db", { "db-0": "superseded", "db-1": "superseded", "db-2": "current" });

    await kubectl.patch("configmap/gate", gateMap("open"));
    await kubectl.patch("statefulset/db", { spec: { template: { spec: gated(world.image, "1") } } });
    const after = await untilReplaced(stage, middle, ["db-2"]);
    expect(after.filter(isOneOf(old))).toHaveLength(2);
    await stage.same(after);
    await stage.truth("sts/db", states(after, "current"));
    await stage.save(kinsync, "f.txt", "two\n", after);
  },
);

situation(
  "pods of a StatefulSet that are made all at once: none is Ready, and each gets the file",
  {},
  async (stage) => {
    const { kubectl, project, world } = stage;
    await stage.create(
      gateMap("closed"),
      statefulSet("db", 3, gated(world.image, "1"), { podManagementPolicy: "Parallel" }),
    );
    const pods = await stage.running(3, DB);
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("sts/db");
    expect(await kinsync.ready()).toMatchObject({ members: 3, targets: 3, synced: 3 });
    await stage.same(pods);
    await stage.truth("sts/db", states(pods, "current"));
    await stage.save(kinsync, "f.txt", "two\n", pods);

    await kubectl.run(["scale", "statefulset/db", "--replicas", "5"]);
    const five = await stage.running(5, DB);
    await stage.same(five);
    await stage.truth("sts/db", states(five, "current"));
    await kubectl.run(["scale", "statefulset/db", "--replicas", "1"]);
    const one = await stage.running(1, DB);
    await stage.until("the others are gone", async () => (await kubectl.pods(DB)).length === 1);
    await stage.truth("sts/db", states(one, "current"));
    await stage.save(kinsync, "f.txt", "three\n", one);
    expect(one[0]?.metadata.uid).toBe(pods[0]?.metadata.uid);
  },
);

situation(
  "a StatefulSet whose ordinals start at 5: its partition counts from there, members are told by their ordinals",
  {},
  async (stage) => {
    const { kubectl, project, world } = stage;
    await stage.create(
      statefulSet("db", 3, versioned(world.image, "1"), {
        ordinals: { start: 5 },
        updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 1 } },
      }),
    );
    const old = await stage.running(3, DB);
    await project.write("src/f.txt", "one\n");
    const kinsync = stage.up("sts/db");
    expect(await kinsync.ready()).toMatchObject({ members: 3, targets: 3, synced: 3 });
    await stage.same(old);
    await stage.truth("sts/db", { "db-5": "current", "db-6": "current", "db-7": "current" });
    const { members } = await stage.tree("sts/db");
    expect(members.map(({ pod, index }) => `${pod} is ${index}`)).toEqual(["db-5 is 5", "db-6 is 6", "db-7 is 7"]);

    await kubectl.patch("statefulset/db", { spec: { template: { spec: versioned(world.image, "2") } } });
    const pods = await untilReplaced(stage, old, ["db-6", "db-7"]);
    await stage.same(pods);
    await stage.truth("sts/db", { "db-5": "kept", "db-6": "current", "db-7": "current" });
    await stage.save(kinsync, "f.txt", "two\n", pods);
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
  await stage.truth("sts/db", states(old, "current"));
  await kubectl.delete("pod/db-0", "--grace-period=1");
  const fresh = await untilReplaced(stage, old, ["db-0"]);
  await stage.same(fresh);
  await stage.truth("sts/db", states(fresh, "current"));
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
    await stage.truth("sts/db", states(pods, "current"));

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
    await kinsync.noticed("f.txt", since);
    for (const pod of pods) expect(await stage.look(pod)).toEqual({ "f.txt": "file: one\n" });

    await stage.create(manifest);
    await stage.same(pods);
    await stage.truth("sts/db", states(pods, "current"));
    await stage.save(kinsync, "f.txt", "three\n", pods);
    const after = await stage.running(2, DB);
    expect(after.map(({ metadata }) => metadata.uid)).toEqual(pods.map(({ metadata }) => metadata.uid));
  },
);

/** Pods of different revisions that are alike in all but a variable. */
function versioned(image: string, version: string): Readonly<Record<string, unknown>> {
  return podSpec(container(image, `${SEED}; ${IDLE}`, { env: [{ name: "VERSION", value: version }] }));
}

/** Waits until as many pods run as before, and exactly these names are of new pods. */
async function untilReplaced(stage: Stage, old: readonly Pod[], names: readonly string[]): Promise<readonly Pod[]> {
  return stage.until(`${names.join(", ")} are new`, async () => {
    const pods = await stage.kubectl.pods(DB);
    const fresh = pods.filter((pod) => !isOneOf(old)(pod)).map(({ metadata }) => metadata.name);
    return pods.length === old.length && pods.every((pod) => isRunning(pod)) && fresh.join() === names.join() && pods;
  });
}
