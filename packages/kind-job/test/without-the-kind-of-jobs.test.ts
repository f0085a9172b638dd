import { cronjob } from "@kinsync/kind-job";
import type { KubeObject, Pod } from "@kinsync/core/contract";
import { expect, test } from "vitest";

const root: KubeObject = { apiVersion: "batch/v1", kind: "CronJob", metadata: { name: "nightly", uid: "cj-1" } };
const job: KubeObject = { apiVersion: "batch/v1", kind: "Job", metadata: { name: "nightly-1", uid: "job-1" } };
const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "nightly-1-a", uid: "pod-1" },
  spec: { containers: [{ name: "main" }] },
};

test("a pod of a CronJob whose Job no kind judges is not settled", () => {
  const { pod: judgePod } = cronjob().judge({
    root,
    owned: [job],
    pods: [],
    missing: [],
    referred: [],
    rule: () => undefined,
  });
  expect(judgePod({ pod, owners: [job], by: "owner" })).toMatchObject({
    state: "unsettled",
    labels: { job: "nightly-1" },
    reason: { code: "job-not-judged" },
  });
});
