import { type KubeObject } from "../../../src/contract/index.ts";
import { jobset } from "../../../../kind-jobset/src/index.ts";
import type { Resolution } from "../../../src/resolve/resolution.ts";
import { FakeCluster } from "../../support/fake-cluster.ts";
import { DEPLOYMENTS, JOBS, object, pod, PODS, REPLICASETS } from "../../support/objects.ts";
import { startWatch, type WatchFixtureOptions } from "./watch-fixture.ts";
import { JOBSETS, LABS, parentKind, STUDIOS, TRAIN_JOBS } from "./parents.ts";

export const SERVED = [PODS, JOBS, JOBSETS, TRAIN_JOBS, STUDIOS, LABS, DEPLOYMENTS, REPLICASETS];
export const HEAD = { "jobset.sigs.k8s.io/replicatedjob-name": "head" };

export const trainJob = object(TRAIN_JOBS, "train");
export const trainJobKind = parentKind(TRAIN_JOBS, JOBSETS);

export function jobSet(
  restarts: number,
  parts: { readonly uid?: string; readonly owner?: KubeObject } = {},
): KubeObject {
  return object(JOBSETS, "train", {
    uid: "uid-jobset",
    owner: trainJob,
    ...parts,
    spec: { replicatedJobs: [{ name: "head", replicas: 1 }] },
    status: { restarts },
  });
}

/** The Job and the pod of one attempt. */
export function attempt(number: number, owner: KubeObject): readonly [KubeObject, KubeObject] {
  const labels = {
    ...HEAD,
    "jobset.sigs.k8s.io/jobset-name": "train",
    "jobset.sigs.k8s.io/job-index": "0",
    "jobset.sigs.k8s.io/restart-attempt": String(number),
  };
  const job = object(JOBS, "train-head-0", { uid: `${owner.metadata.uid}-job-${number}`, owner, labels });
  return [job, pod(`head-${number}`, { uid: `${owner.metadata.uid}-pod-${number}`, owner: job, labels })];
}

export function trainCluster(): FakeCluster {
  const cluster = new FakeCluster(SERVED);
  cluster.put(trainJob, jobSet(0), ...attempt(0, jobSet(0)));
  return cluster;
}

export function startTrainJob(options: Partial<WatchFixtureOptions> = {}) {
  return startWatch({
    cluster: trainCluster(),
    kind: trainJobKind,
    kinds: [trainJobKind, jobset()],
    resource: TRAIN_JOBS,
    ...options,
  });
}

export function codes(resolution: Resolution | undefined): string[] {
  return (resolution?.members ?? []).map((member) => `${member.name}=${member.reason.code}`);
}
