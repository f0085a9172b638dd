import { expect } from "vitest";
import { allow } from "../../../harness/allow.ts";
import type { Fixture } from "../../../harness/fixture.ts";
import { failingOnRequest, gated, gateMap, lingering } from "../../../harness/manifests.ts";
import type { Pod } from "../../../harness/objects.ts";
import { failPods, openGate } from "../../../harness/pod-triggers.ts";
import { containerOf, isOneOf, isRunning, isTerminating, states } from "../../../harness/pods.ts";
import { situation } from "../../../harness/situation.ts";
import { inGroup, leaderWorkerSet, recreated, releaseUntil, SERVE } from "./groups.ts";

situation("a LeaderWorkerSet is scaled, and a group restarts", { timeout: 240_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  await fixture.create(leaderWorkerSet(2, lingering(cluster.image)));
  const first = await fixture.running(4);
  await allow(fixture, SERVE);
  const kinsync = await fixture.upWithFile(SERVE);
  await fixture.expectMembers(SERVE, states(first, "current"));

  // A worker that is deleted takes its leader and so the whole group with it.
  const [others, group] = [inGroup(first, "0"), inGroup(first, "1")];
  await kubectl.delete("pod/serve-1-1", "--wait=false");
  await untilTerminating(fixture, group);
  await fixture.expectMembers(SERVE, { ...states(others, "current"), ...states(group, "terminating") });
  await fixture.save(kinsync, "f.txt", "two\n", others);
  for (const pod of group) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: one\n" });
  const since = kinsync.mark();
  const again = await releaseUntil(fixture, "the group is another one", (pods) => {
    return pods.length === 4 && pods.every((pod) => isRunning(pod)) && !pods.some(isOneOf(group)) && pods;
  });
  await fixture.untilSame(again);
  await fixture.expectMembers(SERVE, states(again, "current"));

  // Scaled down, the leader goes first. Until then its worker is not even being deleted.
  await kubectl.patch(SERVE, { spec: { replicas: 1 } });
  await untilTerminating(fixture, inGroup(again, "1").slice(0, 1));
  await fixture.expectMembers(SERVE, { ...states(again, "terminating"), ...states(others, "current") });
  await fixture.save(kinsync, "f.txt", "three\n", others);
  for (const pod of inGroup(again, "1")) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: two\n" });
  const left = await releaseUntil(fixture, "one group is left", (pods) => pods.length === 2 && pods);
  expect(left.every(isOneOf(others))).toBe(true);
  await fixture.expectMembers(SERVE, states(left, "current"));

  await kubectl.patch(SERVE, { spec: { replicas: 2 } });
  const more = await fixture.running(4);
  await fixture.untilSame(more);
  await fixture.expectMembers(SERVE, states(more, "current"));
  await fixture.save(kinsync, "f.txt", "four\n", more);
  expect(kinsync.syncedAmong(group, since)).toEqual([]);

  const empty = kinsync.mark();
  await kubectl.patch(SERVE, { spec: { replicas: 0 } });
  await releaseUntil(fixture, "no pods are left", (pods) => pods.length === 0);
  await fixture.expectMembers(SERVE, {});
  await kubectl.patch(SERVE, { spec: { replicas: 1 } });
  const last = await fixture.running(2);
  await fixture.untilSame(last);
  await fixture.expectMembers(SERVE, states(last, "current"));
  expect(kinsync.syncedAmong(more, empty)).toEqual([]);
});

situation("workers of a deleted leader get no files", { timeout: 240_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  await fixture.create(leaderWorkerSet(2, lingering(cluster.image)));
  const first = await fixture.running(4);
  await allow(fixture, SERVE);
  const kinsync = await fixture.upWithFile(SERVE);
  await fixture.expectMembers(SERVE, states(first, "current"));

  const [others, group] = [inGroup(first, "0"), inGroup(first, "1")];
  await kubectl.delete("pod/serve-1", "--wait=false");
  await untilTerminating(fixture, group.slice(0, 1));
  await fixture.expectMembers(SERVE, { ...states(others, "current"), ...states(group, "terminating") });
  await fixture.save(kinsync, "f.txt", "two\n", others);
  for (const pod of group) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: one\n" });

  // While the former worker terminates, this version deletes the new leader, too: it takes it for the worker's own.
  const since = kinsync.mark();
  const again = await releaseUntil(fixture, "the group is another one", (pods) => {
    return pods.length === 4 && pods.every((pod) => isRunning(pod)) && !pods.some(isOneOf(group)) && pods;
  });
  expect(inGroup(again, "0").every(isOneOf(others))).toBe(true);
  await fixture.untilSame(again);
  await fixture.expectMembers(SERVE, states(again, "current"));
  await fixture.save(kinsync, "f.txt", "three\n", again);
  expect(kinsync.syncedAmong(group, since)).toEqual([]);
});

situation("a container that restarts creates its group again", { timeout: 240_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  await fixture.create(leaderWorkerSet(2, failingOnRequest(cluster.image)));
  const first = await fixture.running(4);
  await allow(fixture, SERVE);
  const kinsync = await fixture.upWithFile(SERVE);
  await fixture.expectMembers(SERVE, states(first, "current"));

  // A worker takes its leader with it, a leader its workers.
  await failPods(kubectl, inGroup(first, "1").slice(1));
  const second = await recreated(fixture, first, ["1"]);
  await fixture.untilSame(second);
  await fixture.expectMembers(SERVE, states(second, "current"));
  await fixture.save(kinsync, "f.txt", "two\n", second);

  await failPods(kubectl, inGroup(second, "0").slice(0, 1));
  const third = await recreated(fixture, second, ["0"]);
  await fixture.untilSame(third);
  await fixture.expectMembers(SERVE, states(third, "current"));
  await fixture.save(kinsync, "f.txt", "three\n", third);
});

situation("without a restart of groups a pod comes back alone", { timeout: 240_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  await fixture.create(leaderWorkerSet(2, failingOnRequest(cluster.image), { restartPolicy: "None" }));
  const first = await fixture.running(4);
  await allow(fixture, SERVE);
  const kinsync = await fixture.upWithFile(SERVE);
  await fixture.expectMembers(SERVE, states(first, "current"));

  // A container restarts: the pods are the same.
  const workers = inGroup(first, "1").slice(1);
  await failPods(kubectl, workers);
  const same = await fixture.until("the container has restarted", async () => {
    const pods = await kubectl.pods();
    const restarted = pods.filter((pod) => (containerOf(pod, "main")?.restartCount ?? 0) > 0);
    return restarted.length === 1 && pods.every((pod) => isRunning(pod)) && pods;
  });
  expect(same.every(isOneOf(first))).toBe(true);
  await fixture.untilSame(same);
  await fixture.expectMembers(SERVE, states(same, "current"));
  await fixture.save(kinsync, "f.txt", "two\n", same);

  // A worker is deleted: its leader stays.
  const since = kinsync.mark();
  await kubectl.delete("pod/serve-1-1", "--wait=false");
  const other = await fixture.until("the worker is another one", async () => {
    const pods = await kubectl.pods();
    return pods.length === 4 && pods.every((pod) => isRunning(pod)) && !pods.some(isOneOf(workers)) && pods;
  });
  expect(other.filter(isOneOf(first))).toHaveLength(3);
  await fixture.untilSame(other);
  await fixture.expectMembers(SERVE, states(other, "current"));
  await fixture.save(kinsync, "f.txt", "three\n", other);
  expect(kinsync.syncedAmong(workers, since)).toEqual([]);

  // A leader is deleted: it owns the workers.
  await kubectl.delete("pod/serve-0", "--wait=false");
  const last = await recreated(fixture, other, ["0"]);
  await fixture.untilSame(last);
  await fixture.expectMembers(SERVE, states(last, "current"));
  await fixture.save(kinsync, "f.txt", "four\n", last);
});

situation("a LeaderWorkerSet starts workers after their leaders", { timeout: 180_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  const set = leaderWorkerSet(2, gated(cluster.image, "1"), { startupPolicy: "LeaderReady" });
  await fixture.create(gateMap("closed"), set);
  const leaders = await fixture.running(2);
  await allow(fixture, SERVE);
  const kinsync = await fixture.upWithFile(SERVE);
  await fixture.expectMembers(SERVE, states(leaders, "current"));
  await fixture.save(kinsync, "f.txt", "two\n", leaders);

  await openGate(kubectl, leaders);
  const all = await fixture.running(4);
  expect(all.filter(isOneOf(leaders))).toHaveLength(2);
  await fixture.untilSame(all);
  await fixture.expectMembers(SERVE, states(all, "current"));
  await fixture.save(kinsync, "f.txt", "three\n", all);
});

situation("a LeaderWorkerSet that is created again is updated", { timeout: 180_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  await fixture.create(gateMap("open"), leaderWorkerSet(2, gated(cluster.image, "1")));
  const first = await fixture.running(4);
  await allow(fixture, SERVE);
  const kinsync = await fixture.upWithFile(SERVE);
  await fixture.expectMembers(SERVE, states(first, "current"));
  const since = kinsync.mark();
  await kubectl.delete(SERVE, "--cascade=foreground");
  await fixture.create(leaderWorkerSet(2, gated(cluster.image, "1")));
  const fresh = await recreated(fixture, first, ["0", "1"]);
  await fixture.untilSame(fresh);
  await fixture.expectMembers(SERVE, states(fresh, "current"));
  await fixture.save(kinsync, "f.txt", "two\n", fresh);
  expect(kinsync.syncedAmong(first, since)).toEqual([]);
});

/** Waits until exactly these pods are being deleted. */
async function untilTerminating(fixture: Fixture, pods: readonly Pod[]): Promise<void> {
  await fixture.until(`only ${pods.map(({ metadata }) => metadata.name).join(", ")} terminate`, async () => {
    const going = (await fixture.kubectl.pods()).filter(isTerminating);
    return going.length === pods.length && going.every(isOneOf(pods));
  });
}
