import type { KubeObject } from "@kinsync/core/contract";
import { job } from "@kinsync/kind-job";
import { controllerUidOf, isAlive, isDeleting } from "../cluster/objects.ts";
import type { Store } from "../cluster/store.ts";
import { JOBS, PODS } from "../cluster/types.ts";
import { indexIn, isEnding, syncJobs, type Job } from "../controllers/job.ts";
import { ROOT, type Course, type Expectation, type Oracle, type Place } from "../player/oracle.ts";
import { relabelPod, RootDeeds } from "./deeds.ts";

/** A live pod counts until its Job ends or is suspended. */
export const jobOracle: Oracle = { name: "job", kind: job, start };

function start(store: Store): Course {
  const root = new RootDeeds<Job>(store, (choice) => ({
    ...JOBS,
    metadata: { name: ROOT },
    spec: {
      parallelism: 1 + (choice % 3),
      completions: 1 + (choice % 4),
      completionMode: choice % 3 === 0 ? "NonIndexed" : "Indexed",
      backoffLimit: choice % 5,
      podReplacementPolicy: choice % 2 === 0 ? "TerminatingOrFailed" : "Failed",
      podLabels: { app: ROOT },
    },
  }));
  return {
    controllers: { job: () => syncJobs(store) },
    deciders: ["job"],
    deeds: {
      ...root.deeds(),
      suspend: root.change((choice) => ({ suspend: choice % 2 === 0 })),
      scale: root.change((choice, spec) =>
        spec.completionMode === "Indexed"
          ? { completions: 1 + (choice % 4), parallelism: 1 + (choice % 4) }
          : { parallelism: choice % 4 },
      ),
      relabel: relabelPod(store, "batch.kubernetes.io/controller-uid"),
    },
    expected: () => (root.object === undefined ? { targets: new Map() } : expectedOfJob(store, root.object)),
  };
}

/** The pods of one Job that count, and those of which nothing says whether they do. */
export function expectedOfJob(store: Store, root: KubeObject & Job, placeOf = placeInJob): Expectation {
  const pods = store.list(PODS).filter((pod) => isAlive(pod) && controllerUidOf(pod) === root.metadata.uid);
  if (isEnding(root) || root.spec?.suspend === true) return { targets: new Map() };
  return {
    targets: new Map(pods.map((pod) => [pod.metadata.uid, placeOf(pod)])),
    open: new Set(isDeleting(root) ? pods.map(({ metadata }) => metadata.uid) : []),
  };
}

export function placeInJob(pod: KubeObject): Place {
  return { index: indexIn(pod) };
}
