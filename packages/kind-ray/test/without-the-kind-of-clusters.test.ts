import { rayjob, rayservice } from "@kinsync/kind-ray";
import type { KubeObject, Pod } from "@kinsync/core/contract";
import { expect, test } from "vitest";

const cluster: KubeObject = { apiVersion: "ray.io/v1", kind: "RayCluster", metadata: { name: "c", uid: "rc-1" } };
const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "c-head", uid: "pod-1" },
  spec: { containers: [{ name: "ray-head" }] },
};

test.each([rayjob(), rayservice()])("a pod whose RayCluster no kind judges is not settled: $name", (kind) => {
  const root: KubeObject = { apiVersion: "ray.io/v1", kind: kind.root.kind, metadata: { name: "x", uid: "root" } };
  const view = { root, owned: [cluster], pods: [], missing: [], referred: [], rule: () => undefined };
  expect(kind.judge(view).pod({ pod, owners: [cluster], by: "owner" })).toMatchObject({
    state: "unsettled",
    reason: { code: "cluster-not-judged" },
  });
});
