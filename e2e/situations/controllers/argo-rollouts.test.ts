import type { KubernetesObject } from "@kubernetes/client-node";
import { expect } from "vitest";
import { allow } from "../../harness/allow.ts";
import type { Fixture } from "../../harness/fixture.ts";
import { gated, gateMap, lingering } from "../../harness/manifests.ts";
import type { PodSpec } from "../../harness/manifests.ts";
import type { KubeObject, Pod } from "../../harness/objects.ts";
import { openGate, releasePods } from "../../harness/pod-triggers.ts";
import { isOneOf, isRunning, isTerminating, states } from "../../harness/pods.ts";
import { situation } from "../../harness/situation.ts";

const WEB = "rollout/web";
const NEW_ONES_FIRST = { maxSurge: 1, maxUnavailable: 0 };
const HALF = { canary: { ...NEW_ONES_FIRST, steps: [{ setWeight: 50 }, { pause: {} }] } };

interface Rollout extends KubeObject {
  readonly status?: { readonly phase?: string; readonly observedGeneration?: string };
}

situation("a Rollout updates stable pods and canaries, not others", { timeout: 240_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  await fixture.create(gateMap("open"), rollout(4, gated(cluster.image, "1"), HALF));
  const first = await settled(fixture, "Healthy", 4);
  await allow(fixture, WEB);
  const kinsync = await fixture.upWithFile(WEB);
  await fixture.save(kinsync, "f.txt", "two\n", first);
  await fixture.expectMembers(WEB, states(first, "current"));

  await roll(fixture, gated(cluster.image, "2"));
  const half = await settled(fixture, "Paused", 4);
  const [stable, canaries] = [half.filter(isOneOf(first)), half.filter((pod) => !isOneOf(first)(pod))];
  expect([stable.length, canaries.length]).toEqual([2, 2]);
  await fixture.untilSame(canaries);
  await fixture.expectMembers(WEB, { ...states(stable, "kept"), ...states(canaries, "current") });
  await fixture.save(kinsync, "f.txt", "three\n", half);
  expect(await rolesOf(fixture)).toEqual({ ...states(stable, "stable"), ...states(canaries, "canary") });

  // The third version waits for its first pod to become ready; until then the pods of the second one stay.
  await kubectl.patch("configmap/gate", gateMap("closed"));
  await roll(fixture, gated(cluster.image, "3"));
  const third = await newPods(fixture, half, 1);
  await fixture.untilSame(third);
  await fixture.expectMembers(WEB, {
    ...states(stable, "kept"),
    ...states(canaries, "superseded"),
    ...states(third, "current"),
  });
  await fixture.save(kinsync, "f.txt", "four\n", [...stable, ...third]);
  for (const pod of canaries) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: three\n" });

  // Back to the first version: its ReplicaSet is the oldest, and the one that counts.
  await kubectl.patch("configmap/gate", gateMap("open"));
  const since = kinsync.mark();
  await roll(fixture, gated(cluster.image, "1"));
  const last = await settled(fixture, "Healthy", 4);
  expect(last.filter(isOneOf(first))).toHaveLength(2);
  await fixture.untilSame(last);
  await fixture.expectMembers(WEB, states(last, "current"));
  await fixture.save(kinsync, "f.txt", "five\n", last);
  expect(kinsync.syncedAmong([...canaries, ...third], since)).toEqual([]);
});

situation("an aborted rollout updates the stable pods only", { timeout: 240_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  const version = (name: string): PodSpec => lingering(cluster.image, { env: [{ name: "VERSION", value: name }] });
  await fixture.create(rollout(2, version("1"), HALF));
  const first = await settled(fixture, "Healthy", 2);
  await allow(fixture, WEB);
  const kinsync = await fixture.upWithFile(WEB);
  await roll(fixture, version("2"));
  const canaries = await newPods(fixture, first, 1);
  const leaving = await fixture.until("one of the first pods terminates", async () => {
    const pods = (await kubectl.pods("app=web")).filter(isTerminating);
    return pods.length === 1 && pods;
  });
  await releasePods(kubectl, leaving);
  const half = await settled(fixture, "Paused", 2);
  await fixture.untilSame(half);
  await fixture.save(kinsync, "f.txt", "two\n", half);

  const since = kinsync.mark();
  await patchStatus(fixture, { abort: true });
  const back = await newPods(fixture, [...first, ...canaries], 1);
  await fixture.until("the canary terminates", async () =>
    (await kubectl.pods("app=web")).filter(isOneOf(canaries)).every(isTerminating),
  );
  const stable = [...half.filter(isOneOf(first)), ...back];
  await fixture.untilSame(stable);
  await settled(fixture, "Degraded", 2);
  await fixture.expectMembers(WEB, { ...states(stable, "current"), ...states(canaries, "terminating") });
  await fixture.save(kinsync, "f.txt", "three\n", stable);
  for (const pod of canaries) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: two\n" });
  expect(kinsync.syncedAmong(canaries, since)).toEqual([]);
  await releasePods(kubectl, canaries);
  await fixture.expectMembers(WEB, states(stable, "current"));
});

situation("a restart of a Rollout updates old and new pods", { timeout: 240_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  const strategy = { canary: { maxSurge: 0, maxUnavailable: 1 } };
  await fixture.create(gateMap("open"), rollout(3, gated(cluster.image, "1"), strategy));
  const first = await settled(fixture, "Healthy", 3);
  await allow(fixture, WEB);
  const kinsync = await fixture.upWithFile(WEB);
  await fixture.expectMembers(WEB, states(first, "current"));

  // It goes on only when the first new pod is ready.
  await kubectl.patch("configmap/gate", gateMap("closed"));
  await kubectl.patch(WEB, { spec: { restartAt: new Date().toISOString().replace(/\.\d+Z$/, "Z") } });
  const fresh = await newPods(fixture, first, 1);
  const old = await fixture.until("two of the old pods are left", async () => {
    const pods = (await kubectl.pods("app=web")).filter(isOneOf(first));
    return pods.length === 2 && !pods.some(isTerminating) && pods;
  });
  await fixture.untilSame(fresh);
  await fixture.expectMembers(WEB, { ...states(old, "kept"), ...states(fresh, "current") });
  await fixture.save(kinsync, "f.txt", "two\n", [...old, ...fresh]);

  await kubectl.patch("configmap/gate", gateMap("open"));
  await openGate(kubectl, fresh);
  const last = await fixture.until("three new pods are ready", async () => {
    const pods = await settled(fixture, "Healthy", 3);
    return !pods.some(isOneOf(first)) && pods;
  });
  await fixture.untilSame(last);
  await fixture.expectMembers(WEB, states(last, "current"));
  await fixture.save(kinsync, "f.txt", "three\n", last);
});

situation("a blue-green Rollout updates no pods of the former colour", { timeout: 240_000 }, async (fixture) => {
  const { cluster } = fixture;
  const service = (name: string): KubernetesObject & { readonly spec: object } => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name },
    spec: { selector: { app: "web" }, ports: [{ port: 80 }] },
  });
  const strategy = { blueGreen: { activeService: "live", previewService: "next", autoPromotionEnabled: false } };
  await fixture.create(service("live"), service("next"), gateMap("open"));
  await fixture.create(rollout(2, gated(cluster.image, "1"), strategy));
  const blue = await settled(fixture, "Healthy", 2);
  await allow(fixture, WEB);
  const kinsync = await fixture.upWithFile(WEB);
  await fixture.expectMembers(WEB, states(blue, "current"));

  await roll(fixture, gated(cluster.image, "2"));
  const both = await settled(fixture, "Paused", 4);
  const green = both.filter((pod) => !isOneOf(blue)(pod));
  await fixture.untilSame(green);
  await fixture.expectMembers(WEB, { ...states(blue, "kept"), ...states(green, "current") });
  await fixture.save(kinsync, "f.txt", "two\n", both);
  expect(await rolesOf(fixture)).toEqual({ ...states(blue, "active"), ...states(green, "preview") });

  // The former colour lives on for 30 s, for clients that still know its addresses.
  await patchStatus(fixture, { pauseConditions: null });
  await settled(fixture, "Healthy", 4);
  await fixture.expectMembers(WEB, { ...states(blue, "superseded"), ...states(green, "current") });
  await fixture.save(kinsync, "f.txt", "three\n", green);
  for (const pod of blue) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: two\n" });
  const left = await fixture.until("the former colour is gone", () => settled(fixture, "Healthy", 2), {
    timeout: 90_000,
  });
  await fixture.expectMembers(WEB, states(left, "current"));
});

situation("a Rollout that is scaled, deleted and created again", { timeout: 240_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  await fixture.create(gateMap("open"), rollout(1, gated(cluster.image, "1"), HALF));
  const one = await settled(fixture, "Healthy", 1);
  await allow(fixture, WEB);
  const kinsync = await fixture.upWithFile(WEB);
  await kubectl.patch(WEB, { spec: { replicas: 4 } });
  const four = await settled(fixture, "Healthy", 4);
  await fixture.untilSame(four);
  await fixture.expectMembers(WEB, states(four, "current"));
  await kubectl.patch(WEB, { spec: { replicas: 2 } });
  const two = await settled(fixture, "Healthy", 2);
  await fixture.save(kinsync, "f.txt", "two\n", two);
  await fixture.expectMembers(WEB, states(two, "current"));

  const since = kinsync.mark();
  await kubectl.delete(WEB, "--cascade=foreground");
  await fixture.create(rollout(2, gated(cluster.image, "1"), HALF));
  const fresh = await settled(fixture, "Healthy", 2);
  expect(fresh.filter(isOneOf([...one, ...four]))).toEqual([]);
  await fixture.untilSame(fresh);
  await fixture.expectMembers(WEB, states(fresh, "current"));
  await fixture.save(kinsync, "f.txt", "three\n", fresh);
  expect(kinsync.syncedAmong([...one, ...four], since)).toEqual([]);
});

function rollout(replicas: number, spec: PodSpec, strategy: object): KubernetesObject & { readonly spec: object } {
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Rollout",
    metadata: { name: "web" },
    spec: {
      replicas,
      selector: { matchLabels: { app: "web" } },
      template: { metadata: { labels: { app: "web" } }, spec },
      strategy,
    },
  };
}

async function roll({ kubectl }: Fixture, spec: PodSpec): Promise<void> {
  await kubectl.patch(WEB, { spec: { template: { spec } } });
}

/** What the plugin of kubectl does for `promote` and `abort`. */
async function patchStatus({ kubectl }: Fixture, status: object): Promise<void> {
  const patch = JSON.stringify({ status });
  await kubectl.run(["patch", WEB, "--subresource", "status", "--type", "merge", "--patch", patch]);
}

/** Waits until the controller has observed the Rollout and reports this phase, and exactly this number of pods runs. */
function settled(fixture: Fixture, phase: string, count: number): Promise<readonly Pod[]> {
  return fixture.until(`the Rollout is ${phase} with ${count} pods`, async () => {
    const { metadata, status } = await fixture.kubectl.get<Rollout>(WEB);
    const pods = (await fixture.kubectl.pods("app=web")).filter((pod) => isRunning(pod));
    const isObserved = status?.observedGeneration === String(metadata.generation);
    return isObserved && status.phase === phase && pods.length === count && pods;
  });
}

/** Waits until pods run that are not of these. */
function newPods(fixture: Fixture, old: readonly Pod[], count: number): Promise<readonly Pod[]> {
  return fixture.until(`${count} new pods run`, async () => {
    const pods = (await fixture.kubectl.pods("app=web")).filter((pod) => !isOneOf(old)(pod) && isRunning(pod));
    return pods.length === count && pods;
  });
}

async function rolesOf(fixture: Fixture): Promise<Readonly<Record<string, string | undefined>>> {
  const { members } = await fixture.tree(WEB);
  return Object.fromEntries(members.map(({ pod, role }) => [pod, role]));
}
