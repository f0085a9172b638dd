import type { KubeObject } from "@kinsync/core/contract";
import { obsolete } from "../cluster/facts.ts";
import { deleteObject } from "../cluster/garbage-collector.ts";
import { controllerReference, isDeleting, type Typed } from "../cluster/objects.ts";
import type { Store } from "../cluster/store.ts";
import { JOBS, RAY_CLUSTERS, RAY_JOBS } from "../cluster/types.ts";
import { hasEnded } from "./job.ts";
import type { RayClusterSpec } from "./ray-cluster.ts";

export type RayJob = Typed<
  { readonly suspend: boolean; readonly rayClusterSpec: RayClusterSpec },
  { readonly rayClusterName: string; readonly jobDeploymentStatus: string }
>;

const RETRIES = 3;

/** The RayJob controller in K8sJobMode (kuberay `ray-operator/controllers/ray/rayjob_controller.go`): one pass over all RayJobs. */
export function* syncRayJobs(store: Store): Generator<void> {
  for (const { metadata } of store.list(RAY_JOBS)) {
    const job = store.get(metadata.uid);
    if (job !== undefined && !isDeleting(job)) yield* syncRayJob(store, job);
  }
}

function* syncRayJob(store: Store, job: KubeObject & RayJob): Generator<void> {
  const { status = {}, spec, metadata } = job;
  const clusters = store.ownedBy(metadata.uid, RAY_CLUSTERS);
  const submitters = store.ownedBy(metadata.uid, JOBS);
  switch (status.jobDeploymentStatus) {
    case undefined:
    case "": {
      // The name is random, and is told before the cluster exists.
      store.update(job, {
        status: { jobDeploymentStatus: "Initializing", rayClusterName: `${metadata.name}-${store.writes}` },
      });
      yield;
      return;
    }
    case "Initializing":
    case "Running": {
      if (spec?.suspend === true) {
        yield* leave(store, job, "Suspending");
        return;
      }
      const cluster = clusters.find((each) => each.metadata.name === status.rayClusterName);
      if (cluster === undefined) {
        store.create({
          ...RAY_CLUSTERS,
          metadata: { name: status.rayClusterName ?? "", ownerReferences: [controllerReference(job)] },
          spec: { ...spec?.rayClusterSpec },
        });
        yield;
      }
      yield* run(store, job, submitters);
      return;
    }
    case "Retrying":
    case "Suspending": {
      for (const child of [...clusters, ...submitters]) {
        if (isDeleting(child)) continue;
        deleteObject(store, child, child.kind === "Job" ? "Background" : "Foreground");
        yield;
      }
      if (store.ownedBy(metadata.uid, RAY_CLUSTERS).length > 0) return;
      const isSuspended = status.jobDeploymentStatus === "Suspending";
      store.update(job, { status: { jobDeploymentStatus: isSuspended ? "Suspended" : "", rayClusterName: "" } });
      yield;
      return;
    }
    case "Suspended": {
      if (spec?.suspend === true) return;
      store.update(job, { status: { jobDeploymentStatus: "" } });
      yield;
      return;
    }
    default:
  }
}

function* run(store: Store, job: KubeObject & RayJob, submitters: readonly KubeObject[]): Generator<void> {
  const { status = {}, metadata } = job;
  const [submitter] = submitters;
  if (submitter === undefined) {
    if (store.find(JOBS, metadata.name) !== undefined) return;
    store.create({
      ...JOBS,
      metadata: { name: metadata.name, ownerReferences: [controllerReference(job)] },
      spec: { backoffLimit: 0 },
    });
    yield;
  } else if (hasEnded(submitter)) {
    const isDone = JSON.stringify(submitter.status).includes("Complete");
    const retries = store.everOwnedBy(metadata.uid, RAY_CLUSTERS).length;
    if (isDone || retries > RETRIES) {
      store.update(job, { status: { jobDeploymentStatus: isDone ? "Complete" : "Failed" } });
      yield;
    } else yield* leave(store, job, "Retrying");
  }
  if (status.jobDeploymentStatus !== "Initializing") return;
  const current = store.get(metadata.uid);
  if (current?.metadata.resourceVersion !== metadata.resourceVersion) return;
  store.update(job, { status: { jobDeploymentStatus: "Running" } });
  yield;
}

/** The status shows that the cluster goes. */
function* leave(store: Store, job: KubeObject & RayJob, jobDeploymentStatus: string): Generator<void> {
  const clusters = store.everOwnedBy(job.metadata.uid, RAY_CLUSTERS).map(({ metadata }) => metadata.uid);
  store.update(job, { status: { jobDeploymentStatus } }, obsolete(...clusters));
  yield;
}
