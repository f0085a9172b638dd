import { FakeCluster } from "../../support/fake-cluster.ts";
import { ALL, JOBS, object, pod, TEAMS } from "../../support/objects.ts";

export const train = object(TEAMS, "train", { status: { attempt: 1 } });
export const head = object(JOBS, "train-head", { owner: train, labels: { attempt: "1" } });
export const worker = object(JOBS, "train-worker", { owner: train, labels: { attempt: "1" } });
export const headPod = pod("train-head-0", { owner: head, labels: { role: "head", index: "0" } });
export const workerPods = [0, 1, 2, 10].map((index) =>
  pod(`train-worker-${index}`, { owner: worker, labels: { role: "worker", index: String(index) } }),
);

export function fullCluster(): FakeCluster {
  const cluster = new FakeCluster(ALL);
  cluster.put(train, head, worker, headPod, ...workerPods);
  return cluster;
}
