import { expect } from "vitest";
import { fingerprint } from "../harness/fixture.ts";
import type { Fixture } from "../harness/fixture.ts";
import { container, gated, gateMap, IDLE, podSpec, SEED, statefulSet } from "../harness/manifests.ts";
import type { PodSpec } from "../harness/manifests.ts";
import type { Pod } from "../harness/objects.ts";
import { openGate } from "../harness/pod-triggers.ts";
import { isOneOf, isRunning, states } from "../harness/pods.ts";
import { situation } from "../harness/situation.ts";

const DB = "app=db";

situation("pods that a partition keeps are updated", {}, async (fixture) => {
  const { cluster, kubectl, project } = fixture;
  await fixture.create(
    statefulSet("db", 3, versioned(cluster.image, "1"), {
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 2 } },
    }),
  );
  const old = await fixture.running(3, DB);
  await fixture.expectMembers("sts/db", states(old, "current"));
  await kubectl.patch("statefulset/db", { spec: { template: { spec: versioned(cluster.image, "2") } } });
  const pods = await untilReplaced(fixture, old, ["db-2"]);
  const before = await fingerprint(kubectl, "statefulset/db");

  await project.write("src/f.txt", "one\n");
  const kinsync = fixture.up("sts/db");
  expect(await kinsync.ready()).toMatchObject({ members: 3, targets: 3, synced: 3 });
  await fixture.save(kinsync, "f.txt", "two\n", pods);
  await fixture.expectMembers("sts/db", { "db-0": "kept", "db-1": "kept", "db-2": "current" });
  expect(await fingerprint(kubectl, "statefulset/db")).toEqual(before);
});

situation("an OnDelete StatefulSet updates kept and replaced pods", {}, async (fixture) => {
  const { cluster, kubectl } = fixture;
  await fixture.create(statefulSet("db", 3, versioned(cluster.image, "1"), { updateStrategy: { type: "OnDelete" } }));
  const old = await fixture.running(3, DB);
  const kinsync = await fixture.upWithFile("sts/db");
  await fixture.untilSame(old);
  await fixture.expectMembers("sts/db", states(old, "current"));

  await kubectl.patch("statefulset/db", { spec: { template: { spec: versioned(cluster.image, "2") } } });
  await fixture.expectMembers("sts/db", states(old, "kept"));
  await fixture.save(kinsync, "f.txt", "two\n", old);

  await kubectl.delete("pod/db-1", "--grace-period=1");
  const pods = await untilReplaced(fixture, old, ["db-1"]);
  await fixture.untilSame(pods);
  await fixture.expectMembers("sts/db", { "db-0": "kept", "db-1": "current", "db-2": "kept" });
  await fixture.save(kinsync, "f.txt", "three\n", pods);
});

situation("a StatefulSet rollout updates only pods of the new revision", {}, async (fixture) => {
  const { cluster, kubectl } = fixture;
  await fixture.create(
    gateMap("open"),
    statefulSet("db", 3, gated(cluster.image, "1"), { podManagementPolicy: "OrderedReady" }),
  );
  const old = await fixture.running(3, DB);
  const kinsync = await fixture.upWithFile("sts/db");
  await fixture.save(kinsync, "f.txt", "two\n", old);
  await fixture.expectMembers("sts/db", states(old, "current"));

  await kubectl.patch("configmap/gate", gateMap("closed"));
  await kubectl.patch("statefulset/db", { spec: { template: { spec: gated(cluster.image, "2") } } });
  const middle = await untilReplaced(fixture, old, ["db-2"]);
  const waiting = middle.slice(0, 2);
  const fresh = middle.slice(2);
  await fixture.untilSame(fresh);
  await fixture.expectMembers("sts/db", { "db-0": "superseded", "db-1": "superseded", "db-2": "current" });
  await fixture.save(kinsync, "f.txt", "three\n", fresh);
  for (const pod of waiting) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: two\n" });

  await kubectl.patch("configmap/gate", gateMap("open"));
  await openGate(kubectl, fresh);
  const last = await untilReplaced(fixture, old, ["db-0", "db-1", "db-2"]);
  await fixture.untilSame(last);
  await fixture.expectMembers("sts/db", states(last, "current"));
  await fixture.save(kinsync, "f.txt", "four\n", last);
});

situation("a StatefulSet rollback updates pods of the older revision", {}, async (fixture) => {
  const { cluster, kubectl, project } = fixture;
  await fixture.create(gateMap("open"), statefulSet("db", 3, gated(cluster.image, "1")));
  const old = await fixture.running(3, DB);
  await fixture.expectMembers("sts/db", states(old, "current"));
  await kubectl.patch("configmap/gate", gateMap("closed"));
  await kubectl.patch("statefulset/db", { spec: { template: { spec: gated(cluster.image, "2") } } });
  const middle = await untilReplaced(fixture, old, ["db-2"]);
  await project.write("src/f.txt", "one\n");
  const kinsync = fixture.up("sts/db");
  expect(await kinsync.ready()).toMatchObject({ members: 3, targets: 1, synced: 1 });
  await fixture.untilSame(middle.slice(2));
  for (const pod of middle.slice(0, 2)) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: old\n" });
  await fixture.expectMembers("sts/db", { "db-0": "superseded", "db-1": "superseded", "db-2": "current" });

  await kubectl.patch("configmap/gate", gateMap("open"));
  await kubectl.patch("statefulset/db", { spec: { template: { spec: gated(cluster.image, "1") } } });
  const after = await untilReplaced(fixture, middle, ["db-2"]);
  expect(after.filter(isOneOf(old))).toHaveLength(2);
  await fixture.untilSame(after);
  await fixture.expectMembers("sts/db", states(after, "current"));
  await fixture.save(kinsync, "f.txt", "two\n", after);
});

situation("a parallel StatefulSet updates pods that are not Ready", {}, async (fixture) => {
  const { cluster, kubectl, project } = fixture;
  await fixture.create(
    gateMap("closed"),
    statefulSet("db", 3, gated(cluster.image, "1"), { podManagementPolicy: "Parallel" }),
  );
  const pods = await fixture.running(3, DB);
  await project.write("src/f.txt", "one\n");
  const kinsync = fixture.up("sts/db");
  expect(await kinsync.ready()).toMatchObject({ members: 3, targets: 3, synced: 3 });
  await fixture.untilSame(pods);
  await fixture.expectMembers("sts/db", states(pods, "current"));
  await fixture.save(kinsync, "f.txt", "two\n", pods);

  await kubectl.run(["scale", "statefulset/db", "--replicas", "5"]);
  const five = await fixture.running(5, DB);
  await fixture.untilSame(five);
  await fixture.expectMembers("sts/db", states(five, "current"));
  await kubectl.run(["scale", "statefulset/db", "--replicas", "1"]);
  const one = await fixture.running(1, DB);
  await fixture.until("the others are deleted", async () => (await kubectl.pods(DB)).length === 1);
  await fixture.expectMembers("sts/db", states(one, "current"));
  await fixture.save(kinsync, "f.txt", "three\n", one);
  expect(one[0]?.metadata.uid).toBe(pods[0]?.metadata.uid);
});

situation("a partition counts from the first ordinal, here 5", {}, async (fixture) => {
  const { cluster, kubectl, project } = fixture;
  await fixture.create(
    statefulSet("db", 3, versioned(cluster.image, "1"), {
      ordinals: { start: 5 },
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 1 } },
    }),
  );
  const old = await fixture.running(3, DB);
  await project.write("src/f.txt", "one\n");
  const kinsync = fixture.up("sts/db");
  expect(await kinsync.ready()).toMatchObject({ members: 3, targets: 3, synced: 3 });
  await fixture.untilSame(old);
  await fixture.expectMembers("sts/db", { "db-5": "current", "db-6": "current", "db-7": "current" });
  const { members } = await fixture.tree("sts/db");
  expect(members.map(({ pod, index }) => `${pod} is ${index}`)).toEqual(["db-5 is 5", "db-6 is 6", "db-7 is 7"]);

  await kubectl.patch("statefulset/db", { spec: { template: { spec: versioned(cluster.image, "2") } } });
  const pods = await untilReplaced(fixture, old, ["db-6", "db-7"]);
  await fixture.untilSame(pods);
  await fixture.expectMembers("sts/db", { "db-5": "kept", "db-6": "current", "db-7": "current" });
  await fixture.save(kinsync, "f.txt", "two\n", pods);
});

situation("a pod that is replaced under its name is updated", {}, async (fixture) => {
  const { cluster, kubectl } = fixture;
  await fixture.create(statefulSet("db", 2, podSpec(container(cluster.image))));
  const old = await fixture.running(2, DB);
  const kinsync = await fixture.upWithFile("sts/db");
  await fixture.save(kinsync, "f.txt", "two\n", old);
  await fixture.expectMembers("sts/db", states(old, "current"));
  await kubectl.delete("pod/db-0", "--grace-period=1");
  const fresh = await untilReplaced(fixture, old, ["db-0"]);
  await fixture.untilSame(fresh);
  await fixture.expectMembers("sts/db", states(fresh, "current"));
  await fixture.save(kinsync, "f.txt", "three\n", fresh);
});

situation("orphaned pods are updated only after a new adoption", {}, async (fixture) => {
  const { cluster, kubectl, project } = fixture;
  const manifest = statefulSet("db", 2, podSpec(container(cluster.image)));
  await fixture.create(manifest);
  const pods = await fixture.running(2, DB);
  const kinsync = await fixture.upWithFile("sts/db");
  await fixture.untilSame(pods);
  await fixture.expectMembers("sts/db", states(pods, "current"));

  const since = kinsync.mark();
  await kubectl.delete("statefulset/db", "--cascade=orphan");
  for (const { metadata } of pods) {
    await kinsync.until(
      `${metadata.name} is no longer a member`,
      ({ event, uid, state }) => event === "member" && uid === metadata.uid && state === "gone",
      { since },
    );
  }
  await project.write("src/f.txt", "two\n");
  await kinsync.untilChanged("f.txt", since);
  for (const pod of pods) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: one\n" });

  await fixture.create(manifest);
  await fixture.untilSame(pods);
  await fixture.expectMembers("sts/db", states(pods, "current"));
  await fixture.save(kinsync, "f.txt", "three\n", pods);
  const after = await fixture.running(2, DB);
  expect(after.map(({ metadata }) => metadata.uid)).toEqual(pods.map(({ metadata }) => metadata.uid));
});

/** Spec of pods that differ by a variable, so that each version is a revision. */
function versioned(image: string, version: string): PodSpec {
  return podSpec(container(image, `${SEED}; ${IDLE}`, { env: [{ name: "VERSION", value: version }] }));
}

/** Waits until as many pods run as before, and exactly the pods with these names are new. */
async function untilReplaced(fixture: Fixture, old: readonly Pod[], names: readonly string[]): Promise<readonly Pod[]> {
  return fixture.until(`${names.join(", ")} are new`, async () => {
    const pods = await fixture.kubectl.pods(DB);
    const fresh = pods.filter((pod) => !isOneOf(old)(pod)).map(({ metadata }) => metadata.name);
    return pods.length === old.length && pods.every((pod) => isRunning(pod)) && fresh.join() === names.join() && pods;
  });
}
