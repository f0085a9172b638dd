import { trainjob } from "@kinsync/kind-kubeflow";
import type { KubeObject, Pod } from "@kinsync/core/contract";
import { expect, test } from "vitest";

const jobset: KubeObject = {
  apiVersion: "jobset.x-k8s.io/v1alpha2",
  kind: "JobSet",
  metadata: { name: "fit", uid: "js-1" },
};
const root: KubeObject = {
  apiVersion: "trainer.kubeflow.org/v1alpha1",
  kind: "TrainJob",
  metadata: { name: "fit", uid: "tj-1" },
};
const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "fit-node-0-0", uid: "pod-1" },
  spec: { containers: [{ name: "node" }] },
};

test("a pod of a TrainJob whose JobSet no kind judges is not settled", () => {
  const view = { root, owned: [jobset], pods: [], missing: [], referred: [], rule: () => undefined };
  expect(
    trainjob()
      .judge(view)
      .pod({ pod, owners: [jobset], by: "owner" }),
  ).toMatchObject({
    state: "unsettled",
    reason: { code: "jobset-not-judged" },
  });
});
