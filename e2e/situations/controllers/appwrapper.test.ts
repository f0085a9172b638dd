import type { KubernetesObject } from "@kubernetes/client-node";
import { expect } from "vitest";
import { allow } from "../../harness/allow.ts";
import type { Fixture } from "../../harness/fixture.ts";
import {
  container,
  deployment,
  failingOnRequest,
  gated,
  gateMap,
  indexedJob,
  lingering,
  podSpec,
} from "../../harness/manifests.ts";
import type { KubeObject, Pod } from "../../harness/objects.ts";
import { failPods, openGate, releasePods } from "../../harness/pod-triggers.ts";
import { isOneOf, isRunning, isTerminating, states } from "../../harness/pods.ts";
import { situation } from "../../harness/situation.ts";

const BOX = "appwrapper/box";
/** None of the old pods is deleted before a new one is ready, and two new ones are created at once. */
const SURGE = { strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 2, maxUnavailable: 0 } } };

situation("an AppWrapper updates its components, also in a rollout", { timeout: 180_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  const job = indexedJob("once", 1, podSpec(container(cluster.image)), { app: "once" });
  await fixture.create(gateMap("open"), appWrapper(deployment("web", 2, gated(cluster.image, "1"), SURGE), job));
  const first = await fixture.running(3);
  await allow(fixture, BOX);
  const kinsync = await fixture.upWithFile(BOX);
  await fixture.expectMembers(BOX, states(first, "current"));
  await fixture.save(kinsync, "f.txt", "two\n", first);

  await kubectl.patch("configmap/gate", gateMap("closed"));
  await kubectl.patch("deployment/web", { spec: { template: { spec: gated(cluster.image, "2") } } });
  const fresh = await newPods(fixture, first, 2);
  const [web, once] = [first.filter(isOfWeb), first.filter((pod) => !isOfWeb(pod))];
  await fixture.untilSame(fresh);
  await fixture.expectMembers(BOX, { ...states(web, "superseded"), ...states([...once, ...fresh], "current") });
  await fixture.save(kinsync, "f.txt", "three\n", [...once, ...fresh]);
  for (const pod of web) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: two\n" });

  await openGate(kubectl, fresh);
  await fixture.until("the old pods are gone", async () => (await kubectl.pods()).length === 3);
  await fixture.expectMembers(BOX, states([...once, ...fresh], "current"));
});

situation("a reset AppWrapper updates its new components only", { timeout: 240_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  const job = indexedJob("once", 1, failingOnRequest(cluster.image), { app: "once" });
  await fixture.create(appWrapper(deployment("web", 2, lingering(cluster.image)), job));
  const first = await fixture.running(3);
  await allow(fixture, BOX);
  const kinsync = await fixture.upWithFile(BOX);
  await fixture.expectMembers(BOX, states(first, "current"));
  await fixture.save(kinsync, "f.txt", "two\n", first);

  const since = kinsync.mark();
  const web = first.filter(isOfWeb);
  await failPods(
    kubectl,
    first.filter((pod) => !isOfWeb(pod)),
  );
  await fixture.until("only the pods of the Deployment are left, and terminate", async () => {
    const pods = await kubectl.pods();
    return pods.length === 2 && pods.every(isTerminating);
  });
  await fixture.project.write("src/f.txt", "three\n");
  await kinsync.untilChanged("f.txt", since);
  for (const pod of web) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: two\n" });
  await releasePods(kubectl, web);
  const fresh = await newPods(fixture, first, 3);
  await fixture.until("the old pods are gone", async () => (await kubectl.pods()).length === 3);
  await fixture.untilSame(fresh);
  await fixture.expectMembers(BOX, states(fresh, "current"));
  await fixture.save(kinsync, "f.txt", "four\n", fresh);
  expect(kinsync.syncedAmong(first, since)).toEqual([]);
});

situation("a suspended and resumed AppWrapper updates its new pods", { timeout: 240_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  await fixture.create(appWrapper(deployment("web", 2, lingering(cluster.image))));
  const first = await fixture.running(2);
  await allow(fixture, BOX);
  const kinsync = await fixture.upWithFile(BOX);
  await fixture.expectMembers(BOX, states(first, "current"));

  const since = kinsync.mark();
  await kubectl.patch(BOX, { spec: { suspend: true } });
  await fixture.until("all pods terminate", async () => (await kubectl.pods()).every(isTerminating));
  await fixture.project.write("src/f.txt", "two\n");
  await kinsync.untilChanged("f.txt", since);
  for (const pod of first) expect(await fixture.list(pod)).toEqual({ "f.txt": "file: one\n" });
  await releasePods(kubectl, first);
  await fixture.until("no pods are left", async () => (await kubectl.pods()).length === 0);
  await untilPhase(fixture, "Suspended");
  await kubectl.patch(BOX, { spec: { suspend: false } });
  const fresh = await fixture.running(2);
  await fixture.untilSame(fresh);
  await fixture.expectMembers(BOX, states(fresh, "current"));
  await fixture.save(kinsync, "f.txt", "three\n", fresh);
  expect(kinsync.syncedAmong(first, since)).toEqual([]);
});

situation("an AppWrapper that is deleted and created again is updated", { timeout: 180_000 }, async (fixture) => {
  const { cluster, kubectl } = fixture;
  const box = appWrapper(deployment("web", 2, podSpec(container(cluster.image))));
  await fixture.create(box);
  const first = await fixture.running(2);
  await allow(fixture, BOX);
  const kinsync = await fixture.upWithFile(BOX);
  await fixture.expectMembers(BOX, states(first, "current"));
  const since = kinsync.mark();
  await kubectl.delete(BOX);
  await fixture.create(box);
  const fresh = await newPods(fixture, first, 2);
  await fixture.untilSame(fresh);
  await fixture.expectMembers(BOX, states(fresh, "current"));
  await fixture.save(kinsync, "f.txt", "two\n", fresh);
  expect(kinsync.syncedAmong(first, since)).toEqual([]);
});

function appWrapper(...templates: readonly KubernetesObject[]): KubernetesObject & { readonly spec: object } {
  return {
    apiVersion: "workload.codeflare.dev/v1beta2",
    kind: "AppWrapper",
    metadata: { name: "box" },
    spec: { components: templates.map((template) => ({ template })) },
  };
}

interface AppWrapper extends KubeObject {
  readonly status?: { readonly phase?: string };
}

async function untilPhase(fixture: Fixture, phase: string): Promise<void> {
  await fixture.until(`the AppWrapper is ${phase}`, async () => {
    return (await fixture.kubectl.get<AppWrapper>(BOX)).status?.phase === phase;
  });
}

/** Waits until pods run that are not of these. */
function newPods(fixture: Fixture, old: readonly Pod[], count: number): Promise<readonly Pod[]> {
  return fixture.until(`${count} new pods run`, async () => {
    const pods = (await fixture.kubectl.pods()).filter((pod) => !isOneOf(old)(pod) && isRunning(pod));
    return pods.length === count && pods;
  });
}

function isOfWeb({ metadata }: Pod): boolean {
  return metadata.labels?.["app"] === "web";
}
