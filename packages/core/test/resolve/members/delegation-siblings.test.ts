import { expect, test } from "vitest";
import { type KubeObject } from "../../../src/contract/index.ts";
import { deployment } from "../../../../kind-deployment/src/index.ts";
import { FakeCluster } from "../../support/fake-cluster.ts";
import { DEPLOYMENTS, object, ownerReference } from "../../support/objects.ts";
import { startWatch, states } from "../support/watch-fixture.ts";
import { LABS, parentKind, STUDIOS, unsettled } from "../support/parents.ts";
import { SERVED, codes } from "../support/train-job.ts";
import { studio, part, startStudio } from "../support/studio.ts";

test("a rollout of one of two Deployments supersedes only its own pods", async () => {
  const cluster = new FakeCluster(SERVED);
  cluster.put(studio, ...part("api", 1), ...part("web", 1));
  await using fixture = startStudio(cluster);
  expect((await fixture.watch.ready).members.map(({ name, role, state }) => [name, role, state])).toEqual([
    ["api-1", "api", "current"],
    ["web-1", "web", "current"],
  ]);
  cluster.put(...part("web", 2));
  const resolution = await fixture.until((one) => states(one).includes("web-1=superseded"));
  expect(states(resolution)).toEqual(["api-1=current", "web-1=superseded", "web-2=current"]);
});

test("the notes of each child are reported with its name", async () => {
  const cluster = new FakeCluster(SERVED);
  cluster.put(studio, ...part("api", 1, { paused: true }), ...part("web", 1, { paused: true }));
  await using fixture = startStudio(cluster);
  expect((await fixture.watch.ready).notes.map(({ code, message }) => [code, message.split(": ")[0]])).toEqual([
    ["deployment-paused", "deployment/s-api"],
    ["deployment-paused", "deployment/s-web"],
  ]);
});

test("a child that is created later is watched, a child of another owner is not", async () => {
  const cluster = new FakeCluster(SERVED);
  cluster.put(studio, ...part("api", 1));
  const [other, ...below] = part("web", 1);
  const foreign = { ...(other as KubeObject), metadata: { ...(other as KubeObject).metadata, ownerReferences: [] } };
  cluster.put(foreign, ...below);
  await using fixture = startStudio(cluster);
  expect(states(await fixture.watch.ready)).toEqual(["api-1=current"]);
  cluster.put(...part("web", 1));
  await fixture.until((one) => states(one).join() === "api-1=current,web-1=current");
});

test("a child whose selector changes is judged by the old list until the new one is listed", async () => {
  const cluster = new FakeCluster(SERVED);
  cluster.put(studio, ...part("api", 1));
  await using fixture = startStudio(cluster);
  await fixture.watch.ready;
  const seen = fixture.resolutions.length;
  const [own] = part("api", 1);
  cluster.put({ ...(own as KubeObject), spec: { replicas: 1, paused: true, selector: { matchLabels: {} } } });
  await fixture.until((one) => one.notes.length > 0);
  for (const one of fixture.resolutions.slice(seen)) expect(states(one)).toEqual(["api-1=current"]);
});

test("owner references in a circle end the delegation with an error that names the objects", async () => {
  const labKind = parentKind(LABS, STUDIOS);
  const backKind = parentKind(STUDIOS, LABS);
  const lab = object(LABS, "lab");
  const back = object(STUDIOS, "s", { owner: lab });
  const circle = { ...lab, metadata: { ...lab.metadata, ownerReferences: [ownerReference(back)] } };
  const cluster = new FakeCluster(SERVED);
  cluster.put(circle, back);
  await using fixture = startWatch({ cluster, kind: labKind, kinds: [labKind, backKind], resource: LABS, name: "lab" });
  const resolution = await fixture.watch.ready;
  expect(resolution.members).toEqual([]);
  expect(resolution.problems).toMatchObject([
    { code: "KINSYNC_PLUGIN_DELEGATE", message: "delegation is circular: lab/lab → studio/s → lab/lab" },
  ]);
});

test("a verdict on a pod that is not below the child is an error of the parent", async () => {
  const kind = parentKind(STUDIOS, DEPLOYMENTS, {
    judge: (view) => {
      const api = view.owned.find(({ metadata }) => metadata.name === "s-api");
      return { pod: (owned) => (api && view.rule(api)?.pod(owned)) ?? unsettled("no-child") };
    },
  });
  const cluster = new FakeCluster(SERVED);
  cluster.put(studio, ...part("api", 1), ...part("web", 1));
  await using fixture = startWatch({ cluster, kind, kinds: [kind, deployment()], resource: STUDIOS, name: "s" });
  const resolution = await fixture.watch.ready;
  expect(codes(resolution)).toEqual(["api-1=at-revision", "web-1=kind-failed"]);
  expect(resolution.problems).toMatchObject([{ plugin: "studio", operation: "judge.pod" }]);
});
