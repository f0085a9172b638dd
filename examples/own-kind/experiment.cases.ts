import type { KubeObject } from "@kinsync/core/contract";
import type { KindCase } from "@kinsync/core/testing";

const OWNER = { apiVersion: "lab.example.com/v1", kind: "Experiment", name: "pendulum", uid: "experiment-1" };

function root(run: number | undefined): KubeObject {
  const metadata = { name: OWNER.name, namespace: "lab", uid: OWNER.uid };
  return { apiVersion: OWNER.apiVersion, kind: OWNER.kind, metadata, spec: run === undefined ? {} : { run } };
}

function driver(run: number): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: `pendulum-driver-${run}`,
      namespace: "lab",
      uid: `driver-${run}`,
      labels: { "lab.example.com/run": String(run) },
      ownerReferences: [{ ...OWNER, controller: true }],
    },
    spec: { containers: [{ name: "main" }] },
    status: { phase: "Running" },
  };
}

function job(run: number): KubeObject {
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name: `pendulum-actors-${run}`,
      namespace: "lab",
      uid: `job-${run}`,
      labels: { "lab.example.com/run": String(run) },
      ownerReferences: [{ ...OWNER, controller: true }],
    },
  };
}

function actor(run: number, index: number, phase = "Running"): KubeObject {
  const { apiVersion, kind, metadata } = job(run);
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: `pendulum-actors-${run}-${index}`,
      namespace: "lab",
      uid: `actor-${run}-${index}`,
      labels: { "batch.kubernetes.io/job-completion-index": String(index) },
      ownerReferences: [{ apiVersion, kind, name: metadata.name, uid: metadata.uid, controller: true }],
    },
    spec: { containers: [{ name: "main" }] },
    status: { phase },
  };
}

export const cases: readonly KindCase[] = [
  {
    name: "one run",
    root: root(1),
    objects: [driver(1), job(1), actor(1, 0), actor(1, 1)],
    members: [
      { pod: "pendulum-driver-1", state: "current", role: "driver", reason: "run-current" },
      { pod: "pendulum-actors-1-0", state: "current", role: "actor", index: "0", reason: "run-current" },
      { pod: "pendulum-actors-1-1", state: "current", role: "actor", index: "1", reason: "run-current" },
    ],
  },
  {
    name: "spec.run is set back while the newer run still exists",
    root: root(1),
    objects: [driver(1), driver(2), job(2), actor(2, 0), job(1), actor(1, 0, "Succeeded")],
    members: [
      { pod: "pendulum-driver-1", state: "current", role: "driver", reason: "run-current" },
      { pod: "pendulum-driver-2", state: "superseded", role: "driver", reason: "run-other" },
      { pod: "pendulum-actors-2-0", state: "superseded", role: "actor", index: "0", reason: "run-other" },
      { pod: "pendulum-actors-1-0", state: "finished", role: "actor", index: "0", reason: "pod-finished" },
    ],
  },
  { name: "no run yet", root: root(undefined), objects: [], members: [], notes: ["not-started"] },
];
