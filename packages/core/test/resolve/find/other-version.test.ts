import { expect, test } from "vitest";
import { findWorkload } from "../../../src/resolve/find/find-workload.ts";
import { FakeCluster } from "../../support/fake-cluster.ts";
import { object, PODS, teamKind, TEAMS } from "../../support/objects.ts";

const { signal } = new AbortController();
const STABLE = { ...TEAMS, version: "v1" };
const kind = teamKind({ root: { ...STABLE, versions: ["v1beta1", "v1alpha1"] } });

test("a root is read in the first of its kind's versions that the cluster serves", async () => {
  const cluster = new FakeCluster([PODS, TEAMS]);
  cluster.put(object(TEAMS, "train"));
  const found = await findWorkload(cluster, [kind], "team/train", { namespace: "ml", signal });
  expect(found).toMatchObject({
    kind: { name: "team" },
    ref: { resource: { version: "v1alpha1" } },
    root: { apiVersion: "example.com/v1alpha1" },
  });
});

test("the kind's own version costs one round trip", async () => {
  const cluster = new FakeCluster([PODS, STABLE]);
  cluster.put(object(STABLE, "train"));
  const found = await findWorkload(cluster, [kind], "team/train", { namespace: "ml", signal });
  expect(found.ref.resource.version).toBe("v1");
  expect(cluster.requests).toHaveLength(1);
});

test("a version that the kind does not list is not used", async () => {
  const cluster = new FakeCluster([PODS, { ...TEAMS, version: "v2" }]);
  await expect(findWorkload(cluster, [kind], "team/train", { namespace: "ml", signal })).rejects.toMatchObject({
    code: "KINSYNC_RESOLVE_KIND",
    message: expect.stringContaining("it serves v2") as string,
  });
});
