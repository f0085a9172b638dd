import { expect } from "vitest";
import { allow } from "../../../harness/allow.ts";
import { gated, gateMap } from "../../../harness/manifests.ts";
import { openGate } from "../../../harness/pod-triggers.ts";
import { isOneOf, isRunning, states } from "../../../harness/pods.ts";
import { situation } from "../../../harness/situation.ts";
import { inGroup, leaderWorkerSet, recreated, roll, rolling, SERVE } from "./groups.ts";

situation("a LeaderWorkerSet rollout and rollback update its groups", { timeout: 240_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  await fixture.create(gateMap("open"), leaderWorkerSet(3, gated(cluster.image, "1")));
  const first = await fixture.running(6);
  await allow(fixture, SERVE);
  const kinsync = await fixture.upWithFile(SERVE);
  await fixture.expectMembers(SERVE, states(first, "current"));
  await fixture.save(kinsync, "f.txt", "two\n", first);
  const { members } = await fixture.tree(SERVE);
  expect(members.map(({ role, index }) => `${role} ${index}`).toSorted()).toEqual([
    "leader 0/0",
    "leader 1/0",
    "leader 2/0",
    "worker 0/1",
    "worker 1/1",
    "worker 2/1",
  ]);

  // The last group is rolled first, and is not ready.
  await kubectl.patch("configmap/gate", gateMap("closed"));
  await roll(fixture, gated(cluster.image, "2"));
  const half = await recreated(fixture, first, ["2"]);
  const [former, fresh] = [half.filter(isOneOf(first)), inGroup(half, "2")];
  await fixture.untilSame(fresh);
  await fixture.expectMembers(SERVE, { ...states(former, "superseded"), ...states(fresh, "current") });
  await fixture.save(kinsync, "f.txt", "three\n", fresh);
  for (const pod of former) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: two\n" });

  // The former template has the former hash.
  const since = kinsync.mark();
  await kubectl.patch("configmap/gate", gateMap("open"));
  await roll(fixture, gated(cluster.image, "1"));
  const back = await recreated(fixture, half, ["2"]);
  expect(back.filter(isOneOf(first))).toHaveLength(4);
  await fixture.untilSame(back);
  await fixture.expectMembers(SERVE, states(back, "current"));
  await fixture.save(kinsync, "f.txt", "four\n", back);
  expect(kinsync.syncedAmong(inGroup(first, "2"), since)).toEqual([]);
});

situation("a LeaderWorkerSet updates groups that its partition keeps", { timeout: 240_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  await fixture.create(gateMap("open"), leaderWorkerSet(3, gated(cluster.image, "1"), rolling({ partition: 2 })));
  const first = await fixture.running(6);
  await allow(fixture, SERVE);
  const kinsync = await fixture.upWithFile(SERVE);
  await fixture.expectMembers(SERVE, states(first, "current"));
  await roll(fixture, gated(cluster.image, "2"));
  const half = await recreated(fixture, first, ["2"]);
  await fixture.untilSame(half);
  const [kept, fresh] = [half.filter(isOneOf(first)), inGroup(half, "2")];
  await fixture.expectMembers(SERVE, { ...states(kept, "kept"), ...states(fresh, "current") });
  await fixture.save(kinsync, "f.txt", "two\n", half);

  // A kept group that is created again stays at its own revision, the leader as the worker.
  await kubectl.delete("pod/serve-1-1", "--wait=false");
  const again = await recreated(fixture, half, ["1"]);
  await fixture.untilSame(again);
  await fixture.expectMembers(SERVE, { ...states(again, "kept"), ...states(fresh, "current") });
  await fixture.save(kinsync, "f.txt", "three\n", again);

  await kubectl.patch(SERVE, { spec: rolling({ partition: 0 }) });
  const all = await recreated(fixture, again, ["0", "1"]);
  await fixture.untilSame(all);
  await fixture.expectMembers(SERVE, states(all, "current"));
  await fixture.save(kinsync, "f.txt", "four\n", all);
});

situation("a LeaderWorkerSet rollout adds a group for its time", { timeout: 240_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  await fixture.create(gateMap("open"), leaderWorkerSet(2, gated(cluster.image, "1"), rolling({ maxSurge: 1 })));
  const first = await fixture.running(4);
  await allow(fixture, SERVE);
  const kinsync = await fixture.upWithFile(SERVE);
  await fixture.expectMembers(SERVE, states(first, "current"));

  // The rollout waits for the added group.
  await kubectl.patch("configmap/gate", gateMap("closed"));
  await roll(fixture, gated(cluster.image, "2"));
  const added = inGroup(await fixture.running(6), "2");
  await fixture.untilSame(added);
  await fixture.expectMembers(SERVE, { ...states(first, "superseded"), ...states(added, "current") });
  await fixture.save(kinsync, "f.txt", "two\n", added);
  for (const pod of first) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: one\n" });

  await kubectl.patch("configmap/gate", gateMap("open"));
  await openGate(kubectl, added);
  const last = await fixture.until("the added group is gone", async () => {
    const pods = await kubectl.pods();
    return pods.length === 4 && !pods.some(isOneOf(first)) && pods.every((pod) => isRunning(pod)) && pods;
  });
  expect(last.some(isOneOf(added))).toBe(false);
  await fixture.untilSame(last);
  await fixture.expectMembers(SERVE, states(last, "current"));
  await fixture.save(kinsync, "f.txt", "three\n", last);
});
