import { expect } from "vitest";
import { allow } from "../../harness/allow.ts";
import type { Fixture } from "../../harness/fixture.ts";
import { knativeService, playActivator, playIngress } from "../../harness/knative.ts";
import { gateMap } from "../../harness/manifests.ts";
import type { KubeObject, Pod } from "../../harness/objects.ts";
import { openGate } from "../../harness/pod-triggers.ts";
import { isOneOf, isRunning, isTerminating, states } from "../../harness/pods.ts";
import { situation } from "../../harness/situation.ts";

const WEB = "ksvc/web";

situation("a Knative Service updates the revisions that count", { timeout: 240_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  playIngress(fixture);
  await fixture.create(gateMap("open"), knativeService(cluster.image, "1"));
  const first = await ready(fixture, "web-00001");
  await allow(fixture, WEB);
  const kinsync = await fixture.upWithFile(WEB);
  await fixture.expectMembers(WEB, states(first, "current"));
  await fixture.save(kinsync, "f.txt", "two\n", first);

  // Until the new revision is ready, the traffic leads to the former one.
  await kubectl.patch("configmap/gate", gateMap("closed"));
  await kubectl.patch(WEB, knativeService(cluster.image, "2"));
  const second = await podsOf(fixture, "web-00002", 1);
  await fixture.untilSame(second);
  await fixture.expectMembers(WEB, { ...states(first, "kept"), ...states(second, "current") });
  await fixture.save(kinsync, "f.txt", "three\n", [...first, ...second]);

  await openGate(kubectl, second);
  await ready(fixture, "web-00002");
  await fixture.expectMembers(WEB, { ...states(first, "superseded"), ...states(second, "current") });
  await fixture.save(kinsync, "f.txt", "four\n", second);
  for (const pod of first) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: three\n" });
});

situation("traffic of a Knative Service is split and rolled back", { timeout: 240_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  playIngress(fixture);
  await fixture.create(gateMap("open"), knativeService(cluster.image, "1"));
  const first = await ready(fixture, "web-00001");
  await allow(fixture, WEB);
  const kinsync = await fixture.upWithFile(WEB);
  await kubectl.patch(WEB, knativeService(cluster.image, "2"));
  const second = await ready(fixture, "web-00002");
  await fixture.expectMembers(WEB, { ...states(first, "superseded"), ...states(second, "current") });

  const both = [...first, ...second];
  const [old, latest] = [{ revisionName: "web-00001" }, { latestRevision: true }];
  await route(fixture, [
    { ...old, percent: 50 },
    { ...latest, percent: 50 },
  ]);
  await fixture.untilSame(both);
  await fixture.expectMembers(WEB, { ...states(first, "kept"), ...states(second, "current") });
  await fixture.save(kinsync, "f.txt", "two\n", both);

  await route(fixture, [{ ...old, percent: 100 }]);
  await fixture.expectMembers(WEB, { ...states(first, "kept"), ...states(second, "superseded") });
  await fixture.save(kinsync, "f.txt", "three\n", first);
  for (const pod of second) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: two\n" });

  // A target without a share of the traffic keeps its pods, also where no tag leads to it.
  await route(fixture, [
    { ...old, percent: 100 },
    { ...latest, percent: 0 },
  ]);
  await fixture.untilSame(both);
  await fixture.expectMembers(WEB, { ...states(first, "kept"), ...states(second, "current") });
  await fixture.save(kinsync, "f.txt", "four\n", both);

  await route(fixture, [
    { ...old, percent: 0, tag: "old" },
    { ...latest, percent: 100 },
  ]);
  await fixture.expectMembers(WEB, { ...states(first, "kept"), ...states(second, "current") });
  await fixture.save(kinsync, "f.txt", "five\n", both);
});

situation("a Knative Service is scaled to zero and up again", { timeout: 300_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  playIngress(fixture);
  await playActivator(fixture);
  await fixture.create(gateMap("open"), knativeService(cluster.image, "1", { "min-scale": "2" }));
  const first = await podsOf(fixture, "web-00001", 2);
  await ready(fixture, "web-00001");
  await allow(fixture, WEB);
  const kinsync = await fixture.upWithFile(WEB);
  await fixture.expectMembers(WEB, states(first, "current"));

  // The next revision needs no pod while nobody sends a request, nor does the former one.
  const since = kinsync.mark();
  await kubectl.patch(WEB, knativeService(cluster.image, "2", { "min-scale": "0" }));
  const second = await podsOf(fixture, "web-00002", 1);
  await fixture.until(
    "all pods terminate",
    async () => {
      const pods = await kubectl.pods();
      return !pods.some((pod) => !isTerminating(pod));
    },
    { timeout: 90_000 },
  );
  await fixture.project.write("src/f.txt", "two\n");
  await kinsync.untilChanged("f.txt", since);
  await fixture.until("no pods are left", async () => (await kubectl.pods()).length === 0, { timeout: 120_000 });
  await fixture.expectMembers(WEB, {});

  const empty = kinsync.mark();
  await kubectl.patch(WEB, knativeService(cluster.image, "3", { "min-scale": "2" }));
  const third = await podsOf(fixture, "web-00003", 2);
  await fixture.untilSame(third);
  await fixture.expectMembers(WEB, states(third, "current"));
  await fixture.save(kinsync, "f.txt", "three\n", third);
  expect(kinsync.syncedAmong([...first, ...second], empty)).toEqual([]);
});

situation("a Knative Service that is created again is updated", { timeout: 240_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  playIngress(fixture);
  await fixture.create(gateMap("open"), knativeService(cluster.image, "1"));
  const first = await ready(fixture, "web-00001");
  await allow(fixture, WEB);
  const kinsync = await fixture.upWithFile(WEB);
  await fixture.expectMembers(WEB, states(first, "current"));

  const since = kinsync.mark();
  await kubectl.delete(WEB, "--cascade=foreground");
  await fixture.create(knativeService(cluster.image, "1"));
  const fresh = await fixture.until("another pod runs", async () => {
    const pods = (await kubectl.pods()).filter((pod) => isRunning(pod));
    return pods.length === 1 && !pods.some(isOneOf(first)) && pods;
  });
  await ready(fixture, "web-00001");
  await fixture.untilSame(fresh);
  await fixture.expectMembers(WEB, states(fresh, "current"));
  await fixture.save(kinsync, "f.txt", "two\n", fresh);
  expect(kinsync.syncedAmong(first, since)).toEqual([]);
});

interface KnativeService extends KubeObject {
  readonly status?: {
    readonly observedGeneration?: number;
    readonly latestReadyRevisionName?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/** Waits until the Service is ready with this revision as the newest one. @returns the pods of the revision */
async function ready(fixture: Fixture, revision: string): Promise<readonly Pod[]> {
  await untilReady(fixture, ({ latestReadyRevisionName }) => latestReadyRevisionName === revision);
  return (await fixture.kubectl.pods(`serving.knative.dev/revision=${revision}`)).filter((pod) => isRunning(pod));
}

async function untilReady(
  fixture: Fixture,
  fits: (status: NonNullable<KnativeService["status"]>) => boolean,
): Promise<void> {
  await fixture.until("the Service is ready", async () => {
    const { metadata, status } = await fixture.kubectl.get<KnativeService>(WEB);
    const isReady = status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True");
    return isReady === true && status?.observedGeneration === metadata.generation && fits(status ?? {});
  });
}

async function route(fixture: Fixture, traffic: readonly object[]): Promise<void> {
  await fixture.kubectl.patch(WEB, { spec: { traffic } });
  await untilReady(fixture, () => true);
}

function podsOf(fixture: Fixture, revision: string, count: number): Promise<readonly Pod[]> {
  return fixture.running(count, `serving.knative.dev/revision=${revision}`);
}
