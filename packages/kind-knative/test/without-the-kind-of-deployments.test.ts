import { knativeservice } from "@kinsync/kind-knative";
import type { KubeObject, Pod } from "@kinsync/core/contract";
import { expect, test } from "vitest";

const deployment: KubeObject = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web-1", uid: "dep-1" } };
const root: KubeObject = {
  apiVersion: "serving.knative.dev/v1",
  kind: "Service",
  metadata: { name: "web", uid: "svc-1" },
};
const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web-1-a", uid: "pod-1" },
  spec: { containers: [{ name: "user-container" }] },
};

test("a pod of a Service of Knative whose Deployment no kind judges is not settled", () => {
  const view = { root, owned: [deployment], pods: [], missing: [], referred: [], rule: () => undefined };
  expect(
    knativeservice()
      .judge(view)
      .pod({ pod, owners: [deployment], by: "owner" }),
  ).toMatchObject({
    state: "unsettled",
    reason: { code: "revision-not-seen" },
  });
});
