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

type Arm = "baseline" | "variant";

function job(run: number, arm: Arm = "baseline"): KubeObject {
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name: `pendulum-${arm}-${run}`,
      namespace: "lab",
      uid: `job-${arm}-${run}`,
      labels: { "lab.example.com/run": String(run), "lab.example.com/arm": arm },
      ownerReferences: [{ ...OWNER, controller: true }],
    },
  };
}

function actor(run: number, index: number, options: { readonly arm?: Arm; readonly phase?: string } = {}): KubeObject {
  const { arm = "baseline", phase = "Running" } = options;
  const { apiVersion, kind, metadata } = job(run, arm);
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: `pendulum-${arm}-${run}-${index}`,
      namespace: "lab",
      uid: `actor-${arm}-${run}-${index}`,
      labels: { "batch.kubernetes.io/job-completion-index": String(index) },
      ownerReferences: [{ apiVersion, kind, name: metadata.name, uid: metadata.uid, controller: true }],
    },
    spec: { containers: [{ name: "main" }] },
    status: { phase },
  };
}

const baseline = { role: "actor", labels: { arm: "baseline" } };

export const cases: readonly KindCase[] = [
  {
    name: "one run with two arms",
    root: root(1),
    objects: [driver(1), job(1), actor(1, 0), actor(1, 1), job(1, "variant"), actor(1, 0, { arm: "variant" })],
    members: [
      { pod: "pendulum-driver-1", state: "current", role: "driver", reason: "run-current" },
      { pod: "pendulum-baseline-1-0", state: "current", ...baseline, index: "0", reason: "run-current" },
      { pod: "pendulum-baseline-1-1", state: "current", ...baseline, index: "1", reason: "run-current" },
      {
        pod: "pendulum-variant-1-0",
        state: "current",
        role: "actor",
        index: "0",
        labels: { arm: "variant" },
        reason: "run-current",
      },
    ],
  },
  {
    name: "spec.run is set back while the newer run still exists",
    root: root(1),
    objects: [driver(1), driver(2), job(2), actor(2, 0), job(1), actor(1, 0, { phase: "Succeeded" })],
    members: [
      { pod: "pendulum-driver-1", state: "current", role: "driver", reason: "run-current" },
      { pod: "pendulum-driver-2", state: "superseded", role: "driver", reason: "run-other" },
      { pod: "pendulum-baseline-2-0", state: "superseded", ...baseline, index: "0", reason: "run-other" },
      { pod: "pendulum-baseline-1-0", state: "finished", ...baseline, index: "0", reason: "pod-finished" },
    ],
  },
  { name: "no run yet", root: root(undefined), objects: [], members: [], notes: ["not-started"] },
];
