import { expect } from "vitest";
import { allow } from "../../../harness/allow.ts";
import { advancedStatefulSet } from "../../../harness/kruise-manifests.ts";
import { container, gated, gateMap, lingering, podSpec } from "../../../harness/manifests.ts";
import type { PodSpec } from "../../../harness/manifests.ts";
import { openGate, releasePods } from "../../../harness/pod-triggers.ts";
import { isOneOf, isRunning, isTerminating, states } from "../../../harness/pods.ts";
import { situation } from "../../../harness/situation.ts";
import { replaced, roll, runsImage } from "./rollouts.ts";

const DB = "asts/db";

situation("an Advanced StatefulSet updates what its partition keeps", { timeout: 240_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  const strategy = (partition: number): object => ({
    updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition } },
  });
  // Without ordinal 1, the partition keeps 0 and 2.
  const more = { ...strategy(2), reserveOrdinals: [1] };
  await fixture.create(gateMap("open"), advancedStatefulSet("db", 4, gated(cluster.image, "1"), more));
  const first = await fixture.running(4);
  expect(first.map(({ metadata }) => metadata.name)).toEqual(["db-0", "db-2", "db-3", "db-4"]);
  await allow(fixture, DB);
  const kinsync = await fixture.upWithFile(DB);
  await fixture.expectMembers(DB, states(first, "current"));

  await kubectl.patch("configmap/gate", gateMap("closed"));
  await roll(fixture, DB, gated(cluster.image, "2"));
  const half = await replaced(fixture, first, 4, 1);
  await fixture.untilSame(half.filter((pod) => !isOneOf(first)(pod)));
  await fixture.expectMembers(DB, { "db-0": "kept", "db-2": "kept", "db-3": "superseded", "db-4": "current" });
  const targets = half.filter(({ metadata }) => metadata.name !== "db-3");
  await fixture.save(kinsync, "f.txt", "two\n", targets);
  for (const pod of half.filter((pod) => !isOneOf(targets)(pod))) {
    expect(await fixture.list(pod)).toEqual({ "f.txt": "file: one\n" });
  }

  await kubectl.patch("configmap/gate", gateMap("open"));
  await openGate(kubectl, half.slice(3));
  const both = await replaced(fixture, first, 4, 2);
  await fixture.untilSame(both);
  await fixture.expectMembers(DB, { "db-0": "kept", "db-2": "kept", "db-3": "current", "db-4": "current" });
  await fixture.save(kinsync, "f.txt", "three\n", both);

  await roll(fixture, DB, gated(cluster.image, "1"));
  await kubectl.patch(DB, { spec: strategy(0) });
  const back = await replaced(fixture, both.slice(2), 4, 4);
  expect(back.slice(0, 2).every(isOneOf(first))).toBe(true);
  await fixture.untilSame(back);
  await fixture.expectMembers(DB, states(back, "current"));
  await fixture.save(kinsync, "f.txt", "four\n", back);
});

situation("an unordered update keeps any pods of the partition", { timeout: 240_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  const weight = { weight: 100, matchSelector: { matchLabels: { first: "yes" } } };
  const unorderedUpdate = { priorityStrategy: { weightPriority: [weight] } };
  const strategy = (partition: number): object => ({
    updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition, unorderedUpdate } },
  });
  await fixture.create(gateMap("open"), advancedStatefulSet("db", 3, gated(cluster.image, "1"), strategy(2)));
  const first = await fixture.running(3);
  await allow(fixture, DB);
  const kinsync = await fixture.upWithFile(DB);
  await kubectl.run(["label", "pod/db-0", "first=yes"]);
  await fixture.expectMembers(DB, states(first, "current"));
  await roll(fixture, DB, gated(cluster.image, "2"));
  const pods = await replaced(fixture, first, 3, 1);
  await fixture.untilSame(pods);
  await fixture.expectMembers(DB, { "db-0": "current", "db-1": "kept", "db-2": "kept" });
  await fixture.save(kinsync, "f.txt", "two\n", pods);

  await kubectl.patch("configmap/gate", gateMap("closed"));
  await kubectl.patch(DB, { spec: strategy(0) });
  const more = await replaced(fixture, first, 3, 2);
  const fresh = more.filter((pod) => !isOneOf(first)(pod));
  await fixture.untilSame(fresh);
  await fixture.expectMembers(DB, { ...states(more, "superseded"), ...states(fresh, "current") });
  await fixture.save(kinsync, "f.txt", "three\n", fresh);
  await kubectl.patch("configmap/gate", gateMap("open"));
  await openGate(kubectl, fresh);
  const last = await replaced(fixture, first, 3, 3);
  await fixture.untilSame(last);
  await fixture.expectMembers(DB, states(last, "current"));
});

situation(
  "an Advanced StatefulSet updated in place loses an ordinal",
  { timeout: 240_000, needs: ["image:debian"] },
  async (fixture) => {
    const { cluster, kubectl } = fixture;
    const rollingUpdate = { podUpdatePolicy: "InPlaceIfPossible", maxUnavailable: 3 };
    const more = { updateStrategy: { type: "RollingUpdate", rollingUpdate } };
    await fixture.create(advancedStatefulSet("db", 3, inPlace(cluster.image), more));
    const first = await fixture.running(3);
    await allow(fixture, DB);
    const kinsync = await fixture.upWithFile(DB);
    await fixture.expectMembers(DB, states(first, "current"));

    // The containers end only on request: until then they are those of the former image.
    await roll(fixture, DB, inPlace(cluster.imageOf("debian")));
    await fixture.until("all pods want the other image", async () => {
      return (await kubectl.pods()).every(({ spec }) => spec.containers[0]?.image?.includes("debian") === true);
    });
    await releasePods(kubectl, first);
    const changed = await fixture.until("all pods run the other image", async () => {
      const pods = (await kubectl.pods()).filter((pod) => isRunning(pod) && runsImage(pod, "debian"));
      return pods.length === 3 && pods;
    });
    expect(changed.every(isOneOf(first))).toBe(true);
    await fixture.untilSame(changed);
    await fixture.expectMembers(DB, states(changed, "current"));
    await fixture.save(kinsync, "f.txt", "two\n", changed);

    // Ordinal 1 is no longer wanted, and 3 instead.
    await kubectl.patch(DB, { spec: { reserveOrdinals: [1] } });
    const leaving = await fixture.until("a pod terminates and a new one runs", async () => {
      const pods = await kubectl.pods();
      return pods.filter((pod) => isRunning(pod)).length === 3 && pods.filter(isTerminating);
    });
    expect(leaving.map(({ metadata }) => metadata.name)).toEqual(["db-1"]);
    const left = (await kubectl.pods()).filter((pod) => !isTerminating(pod));
    expect(left.map(({ metadata }) => metadata.name)).toEqual(["db-0", "db-2", "db-3"]);
    await fixture.untilSame(left);
    await fixture.expectMembers(DB, { ...states(left, "current"), ...states(leaving, "terminating") });
    await fixture.save(kinsync, "f.txt", "three\n", left);
    for (const pod of leaving) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: two\n" });
    await releasePods(kubectl, leaving);
    await fixture.until("the pod is gone", async () => (await kubectl.pods()).length === 3);
    await fixture.expectMembers(DB, states(left, "current"));
  },
);

situation("an OnDelete Advanced StatefulSet is created again", { timeout: 240_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  const version = (text: string): PodSpec =>
    podSpec(container(cluster.image, undefined, { env: [{ name: "VERSION", value: text }] }));
  const more = { updateStrategy: { type: "OnDelete" }, podManagementPolicy: "OrderedReady" };
  await fixture.create(advancedStatefulSet("db", 2, version("1"), more));
  const first = await fixture.running(2);
  await allow(fixture, DB);
  const kinsync = await fixture.upWithFile(DB);
  await fixture.expectMembers(DB, states(first, "current"));
  await roll(fixture, DB, version("2"));
  await fixture.expectMembers(DB, states(first, "kept"));
  await kubectl.delete("pod/db-0");
  const mixed = await replaced(fixture, first, 2, 1);
  await fixture.untilSame(mixed);
  await fixture.expectMembers(DB, { "db-0": "current", "db-1": "kept" });
  await fixture.save(kinsync, "f.txt", "two\n", mixed);

  await kubectl.patch(DB, { spec: { replicas: 3 } });
  const three = await fixture.running(3);
  await fixture.untilSame(three);
  await fixture.expectMembers(DB, { "db-0": "current", "db-1": "kept", "db-2": "current" });

  const since = kinsync.mark();
  await kubectl.delete(DB, "--cascade=foreground");
  await fixture.create(advancedStatefulSet("db", 2, version("2"), more));
  const fresh = await fixture.running(2);
  expect(fresh.filter(isOneOf(three))).toEqual([]);
  await fixture.untilSame(fresh);
  await fixture.expectMembers(DB, states(fresh, "current"));
  await fixture.save(kinsync, "f.txt", "three\n", fresh);
  expect(kinsync.syncedAmong(three, since)).toEqual([]);
});

/** The controller requires the gate for updates in place. */
function inPlace(image: string): PodSpec {
  return { ...lingering(image), readinessGates: [{ conditionType: "InPlaceUpdateReady" }] };
}
