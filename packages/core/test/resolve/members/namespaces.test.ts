import { expect, test } from "vitest";
import { defineKind } from "../../../src/contract/index.ts";
import { FakeCluster } from "../../support/fake-cluster.ts";
import { ALL, CLUSTER_TEAMS, JOBS, object, pod, teamKind } from "../../support/objects.ts";
import { startWatch, states } from "../support/watch-fixture.ts";

const fleet = object(CLUSTER_TEAMS, "fleet", { spec: { namespaces: ["ml", "other"] } });

function fleetCluster(): FakeCluster {
  const cluster = new FakeCluster(ALL);
  cluster.put(fleet);
  for (const namespace of ["ml", "other", "third"]) {
    const job = object(JOBS, `job-${namespace}`, { namespace, owner: fleet });
    cluster.put(job, pod(`pod-${namespace}`, { namespace, owner: job }));
  }
  return cluster;
}

test("a cluster-scoped root whose kind names no namespaces is watched in one, with a note", async () => {
  const kind = teamKind({ root: CLUSTER_TEAMS });
  await using fixture = startWatch({ cluster: fleetCluster(), kind, resource: CLUSTER_TEAMS, name: "fleet" });
  const resolution = await fixture.watch.ready;
  expect(states(resolution)).toEqual(["pod-ml=current"]);
  expect(resolution.notes).toMatchObject([{ code: "one-namespace", evidence: { namespace: "ml" } }]);
});

test("a cluster-scoped root is watched in the namespaces that its kind names, and follows them", async () => {
  const namespaces = (root: typeof fleet): readonly string[] => root.spec?.["namespaces"] as readonly string[];
  const kind = defineKind({ ...teamKind({ root: CLUSTER_TEAMS }), namespaces });
  await using fixture = startWatch({ cluster: fleetCluster(), kind, resource: CLUSTER_TEAMS, name: "fleet" });
  const resolution = await fixture.watch.ready;
  expect(resolution.members.map(({ namespace, name }) => `${namespace}/${name}`)).toEqual([
    "ml/pod-ml",
    "other/pod-other",
  ]);
  expect(resolution.notes).toEqual([]);
  fixture.cluster.put({ ...fleet, spec: { namespaces: ["third"] } });
  await fixture.until((one) => states(one).join() === "pod-third=current");
});
