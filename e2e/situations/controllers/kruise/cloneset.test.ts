import { expect } from "vitest";
import { allow } from "../../../harness/allow.ts";
import { cloneSet, HOOK } from "../../../harness/kruise-manifests.ts";
import { container, gated, gateMap, podSpec } from "../../../harness/manifests.ts";
import type { PodSpec } from "../../../harness/manifests.ts";
import type { Pod } from "../../../harness/objects.ts";
import { openGate } from "../../../harness/pod-triggers.ts";
import { isOneOf, isRunning, states } from "../../../harness/pods.ts";
import { situation } from "../../../harness/situation.ts";
import { replaced, roll, runsImage } from "./rollouts.ts";

const WEB = "cloneset/web";
/** One pod at a time is replaced, once the former one is ready. */
const ONE_BY_ONE = { type: "ReCreate", maxUnavailable: 1, maxSurge: 0 };

situation("a CloneSet updates the pods that its partition keeps", { timeout: 240_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  const strategy = (partition: number | string): object => ({ updateStrategy: { ...ONE_BY_ONE, partition } });
  await fixture.create(gateMap("open"), cloneSet("web", 4, gated(cluster.image, "1"), strategy(2)));
  const first = await fixture.running(4);
  await allow(fixture, WEB);
  const kinsync = await fixture.upWithFile(WEB);
  await fixture.expectMembers(WEB, states(first, "current"));

  await kubectl.patch("configmap/gate", gateMap("closed"));
  await roll(fixture, WEB, gated(cluster.image, "2"));
  const half = await replaced(fixture, first, 4, 1);
  const fresh = half.filter((pod) => !isOneOf(first)(pod));
  await fixture.untilSame(fresh);
  // One of the three is going to be replaced, and nobody knows which one.
  await fixture.expectMembers(WEB, { ...states(half, "superseded"), ...states(fresh, "current") });
  await fixture.save(kinsync, "f.txt", "two\n", fresh);
  for (const pod of half.filter(isOneOf(first))) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: one\n" });

  await kubectl.patch("configmap/gate", gateMap("open"));
  await openGate(kubectl, fresh);
  const both = await replaced(fixture, first, 4, 2);
  const second = both.filter((pod) => !isOneOf(first)(pod));
  await fixture.untilSame(both);
  await fixture.expectMembers(WEB, { ...states(both, "kept"), ...states(second, "current") });
  await fixture.save(kinsync, "f.txt", "three\n", both);

  // Of 4 replicas 20% keeps one.
  await kubectl.patch(WEB, { spec: strategy("20%") });
  const most = await replaced(fixture, first, 4, 3);
  await fixture.untilSame(most);
  await fixture.expectMembers(WEB, { ...states(most, "current"), ...states(most.filter(isOneOf(first)), "kept") });

  // Back to the first version: the kept pod is of the wanted revision again.
  await roll(fixture, WEB, gated(cluster.image, "1"));
  await kubectl.patch(WEB, { spec: strategy(0) });
  const back = await replaced(
    fixture,
    most.filter((pod) => !isOneOf(first)(pod)),
    4,
    4,
  );
  expect(back.filter(isOneOf(first))).toHaveLength(1);
  await fixture.untilSame(back);
  await fixture.expectMembers(WEB, states(back, "current"));
  await fixture.save(kinsync, "f.txt", "four\n", back);
});

situation("a CloneSet rollback updates pods of the older revision", { timeout: 240_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  await fixture.create(gateMap("open"), cloneSet("web", 3, gated(cluster.image, "1"), { updateStrategy: ONE_BY_ONE }));
  const first = await fixture.running(3);
  await allow(fixture, WEB);
  const kinsync = await fixture.upWithFile(WEB);
  await fixture.expectMembers(WEB, states(first, "current"));
  await kubectl.patch("configmap/gate", gateMap("closed"));
  await roll(fixture, WEB, gated(cluster.image, "2"));
  const middle = await replaced(fixture, first, 3, 1);
  const fresh = middle.filter((pod) => !isOneOf(first)(pod));
  await fixture.untilSame(fresh);
  await fixture.expectMembers(WEB, { ...states(middle, "superseded"), ...states(fresh, "current") });

  const since = kinsync.mark();
  await kubectl.patch("configmap/gate", gateMap("open"));
  await roll(fixture, WEB, gated(cluster.image, "1"));
  const last = await replaced(fixture, fresh, 3, 3);
  expect(last.filter(isOneOf(first))).toHaveLength(2);
  await fixture.untilSame(last);
  await fixture.expectMembers(WEB, states(last, "current"));
  await fixture.save(kinsync, "f.txt", "two\n", last);
  expect(kinsync.syncedAmong(fresh, since)).toEqual([]);
});

situation(
  "an update in place gives the restarted container its files",
  { timeout: 240_000, needs: ["image:debian"] },
  async (fixture) => {
    const { cluster, kubectl } = fixture;
    const strategy = { type: "InPlaceIfPossible", maxUnavailable: 1 };
    await fixture.create(gateMap("open"), cloneSet("web", 3, gated(cluster.image, "1"), { updateStrategy: strategy }));
    const first = await fixture.running(3);
    await allow(fixture, WEB);
    const kinsync = await fixture.upWithFile(WEB);
    await fixture.expectMembers(WEB, states(first, "current"));

    await kubectl.patch("configmap/gate", gateMap("closed"));
    await roll(fixture, WEB, gated(cluster.imageOf("debian"), "1"));
    const changed = await fixture.until("one pod runs the other image", async () => {
      const pods = (await kubectl.pods()).filter((pod) => isRunning(pod) && runsImage(pod, "debian"));
      return pods.length === 1 && pods;
    });
    expect(changed.every(isOneOf(first))).toBe(true);
    const waiting = first.filter((pod) => !isOneOf(changed)(pod));
    await fixture.untilSame(changed);
    await fixture.expectMembers(WEB, { ...states(waiting, "superseded"), ...states(changed, "current") });
    await fixture.save(kinsync, "f.txt", "two\n", changed);
    for (const pod of waiting) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: one\n" });

    await kubectl.patch("configmap/gate", gateMap("open"));
    await openGate(kubectl, changed);
    const last = await fixture.until("all pods run the other image", async () => {
      const pods = (await kubectl.pods()).filter((pod) => isRunning(pod) && runsImage(pod, "debian"));
      return pods.length === 3 && pods;
    });
    expect(last.every(isOneOf(first))).toBe(true);
    await fixture.untilSame(last);
    await fixture.expectMembers(WEB, states(last, "current"));
    await fixture.save(kinsync, "f.txt", "three\n", last);

    // Back to the first image: the same pods once more.
    await roll(fixture, WEB, gated(cluster.image, "1"));
    const back = await fixture.until("all pods run the first image", async () => {
      const pods = (await kubectl.pods()).filter((pod) => isRunning(pod) && runsImage(pod, "busybox"));
      return pods.length === 3 && pods;
    });
    expect(back.every(isOneOf(first))).toBe(true);
    await fixture.untilSame(back);
    await fixture.expectMembers(WEB, states(back, "current"));
  },
);

situation("a pod that waits for its hook before deletion gets no files", { timeout: 180_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  const more = { lifecycle: { preDelete: { labelsHandler: { [HOOK]: "true" } } } };
  await fixture.create(cloneSet("web", 3, podSpec(container(cluster.image)), more, { [HOOK]: "true" }));
  const first = await fixture.running(3);
  await allow(fixture, WEB);
  const kinsync = await fixture.upWithFile(WEB);
  await fixture.expectMembers(WEB, states(first, "current"));

  const [chosen, ...left] = first;
  if (chosen === undefined) throw new Error("the CloneSet has no pod");
  await kubectl.patch(WEB, { spec: { replicas: 2, scaleStrategy: { podsToDelete: [chosen.metadata.name] } } });
  await fixture.until("the hook of the chosen pod runs", async () => {
    return lifecycleOf(await kubectl.get<Pod>(`pod/${chosen.metadata.name}`)) === "PreparingDelete";
  });
  await fixture.expectMembers(WEB, { ...states([chosen], "terminating"), ...states(left, "current") });
  await fixture.save(kinsync, "f.txt", "two\n", left);
  expect(await fixture.list(chosen)).toEqual({ "f.txt": "file: one\n" });

  await kubectl.run(["label", `pod/${chosen.metadata.name}`, `${HOOK}-`]);
  await fixture.until("the chosen pod is gone", async () => (await kubectl.pods()).length === 2);
  await fixture.expectMembers(WEB, states(left, "current"));
});

situation("a paused CloneSet is scaled, deleted and created again", { timeout: 240_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  const version = (text: string): PodSpec =>
    podSpec(container(cluster.image, undefined, { env: [{ name: "VERSION", value: text }] }));
  const strategy = (paused: boolean): object => ({ updateStrategy: { ...ONE_BY_ONE, paused } });
  await fixture.create(cloneSet("web", 2, version("1"), strategy(true)));
  const first = await fixture.running(2);
  await allow(fixture, WEB);
  const kinsync = await fixture.upWithFile(WEB);
  await fixture.expectMembers(WEB, states(first, "current"));

  await roll(fixture, WEB, version("2"));
  await fixture.expectMembers(WEB, states(first, "kept"));
  await fixture.save(kinsync, "f.txt", "two\n", first);
  // New pods are of the new revision, while the older ones stay.
  await kubectl.patch(WEB, { spec: { replicas: 4 } });
  const four = await fixture.running(4);
  await fixture.untilSame(four);
  await fixture.expectMembers(WEB, { ...states(four, "current"), ...states(first, "kept") });
  await kubectl.patch(WEB, { spec: strategy(false) });
  const all = await replaced(fixture, first, 4, 4);
  await fixture.untilSame(all);
  await fixture.expectMembers(WEB, states(all, "current"));
  await kubectl.patch(WEB, { spec: { replicas: 1 } });
  const one = await fixture.running(1);
  await fixture.until("the other pods are gone", async () => (await kubectl.pods()).length === 1);
  await fixture.expectMembers(WEB, states(one, "current"));
  await fixture.save(kinsync, "f.txt", "three\n", one);

  const since = kinsync.mark();
  await kubectl.delete(WEB, "--cascade=foreground");
  await fixture.create(cloneSet("web", 2, version("2")));
  const fresh = await fixture.running(2);
  expect(fresh.filter(isOneOf(all))).toEqual([]);
  await fixture.untilSame(fresh);
  await fixture.expectMembers(WEB, states(fresh, "current"));
  await fixture.save(kinsync, "f.txt", "four\n", fresh);
  expect(kinsync.syncedAmong(all, since)).toEqual([]);
});

function lifecycleOf({ metadata }: Pod): string | undefined {
  return metadata.labels?.["lifecycle.apps.kruise.io/state"];
}
