import type { KubeObject } from "@kinsync/core/contract";
import { obsolete } from "../cluster/facts.ts";
import { deleteObject } from "../cluster/garbage-collector.ts";
import { controllerReference, isAlive, isDeleting, phaseOf, type Typed } from "../cluster/objects.ts";
import { Refused, type Store } from "../cluster/store.ts";
import { JOBS, MPI_JOBS, PODS } from "../cluster/types.ts";
import { hasEnded } from "./job.ts";
import { endOf, type Replica, type RunPolicy } from "./replica-job.ts";

const PREFIX = "training.kubeflow.org/";

export type MpiJob = Typed<
  {
    readonly runPolicy: RunPolicy;
    readonly runLauncherAsWorker: boolean;
    readonly launcherCreationPolicy: "AtStartup" | "WaitForWorkersReady";
    readonly mpiReplicaSpecs: { readonly Launcher: object; readonly Worker: { readonly replicas: number } };
  },
  { readonly conditions: readonly { readonly type: string; readonly status: string }[] }
>;

/** The controller of MPIJobs in v2beta1 (mpi-operator `pkg/controller/mpi_job_controller.go`): one pass over all MPIJobs. */
export function* syncMpiJobs(store: Store, places: Map<string, Replica>): Generator<void> {
  for (const { metadata } of store.list(MPI_JOBS)) {
    const job = store.get(metadata.uid);
    if (job !== undefined && !isDeleting(job)) yield* syncMpiJob(store, job, places);
  }
}

function* syncMpiJob(store: Store, job: KubeObject & MpiJob, places: Map<string, Replica>): Generator<void> {
  const { spec, metadata } = job;
  const { suspend = false, cleanPodPolicy = "None" } = spec?.runPolicy ?? {};
  const workers = store.ownedBy(metadata.uid, PODS);
  const [launcher] = store.ownedBy(metadata.uid, JOBS);
  if (endOf(job) !== undefined) {
    for (const pod of cleanPodPolicy === "None" ? [] : workers.filter(isAlive)) {
      deleteObject(store, pod);
      yield;
    }
    return;
  }
  if (launcher !== undefined && hasEnded(launcher)) {
    const type = JSON.stringify(launcher.status).includes("Complete") ? "Succeeded" : "Failed";
    const facts =
      cleanPodPolicy === "None"
        ? []
        : obsolete(...store.everOwnedBy(metadata.uid, PODS).map((pod) => pod.metadata.uid));
    store.update(job, { status: { conditions: [{ type, status: "True" }] } }, facts);
    yield;
    return;
  }
  if (launcher !== undefined && (launcher.spec?.["suspend"] ?? false) !== suspend && !isDeleting(launcher)) {
    store.update(launcher, { spec: { suspend } });
    yield;
  }
  if (suspend) {
    for (const pod of workers.filter((each) => !isDeleting(each))) {
      deleteObject(store, pod);
      yield;
    }
    return;
  }
  const wanted = spec?.mpiReplicaSpecs?.Worker.replicas ?? 0;
  const shift = spec?.runLauncherAsWorker === true ? 1 : 0;
  for (const pod of workers) {
    const number = (places.get(pod.metadata.uid)?.index ?? 0) - shift;
    if (isDeleting(pod) || (number < wanted && phaseOf(pod) !== "Failed")) continue;
    deleteObject(store, pod);
    yield;
  }
  for (let number = 0; number < wanted; number += 1) {
    if (store.find(PODS, `${metadata.name}-worker-${number}`) !== undefined) continue;
    createWorker(store, job, number, shift, places);
    yield;
  }
  const areReady = workers.filter((pod) => isAlive(pod) && phaseOf(pod) === "Running").length >= wanted;
  if (launcher === undefined && (areReady || spec?.launcherCreationPolicy !== "WaitForWorkersReady")) {
    createLauncher(store, job);
    yield;
  }
}

function labelsOf({ metadata }: KubeObject, role: string): Readonly<Record<string, string>> {
  return {
    [`${PREFIX}operator-name`]: "mpi-operator",
    [`${PREFIX}job-name`]: metadata.name,
    [`${PREFIX}job-role`]: role,
  };
}

function createWorker(
  store: Store,
  job: KubeObject,
  number: number,
  shift: number,
  places: Map<string, Replica>,
): void {
  const pod = store.create({
    ...PODS,
    metadata: {
      name: `${job.metadata.name}-worker-${number}`,
      labels: { ...labelsOf(job, "worker"), [`${PREFIX}replica-index`]: String(number + shift) },
      ownerReferences: [controllerReference(job)],
    },
    spec: { containers: [{ name: "mpi", image: "a" }] },
    status: { phase: "Pending" },
  });
  places.set(pod.metadata.uid, { role: "worker", index: number + shift });
}

function createLauncher(store: Store, job: KubeObject & MpiJob): void {
  const indexed = job.spec?.runLauncherAsWorker === true ? { [`${PREFIX}replica-index`]: "0" } : {};
  try {
    store.create({
      ...JOBS,
      metadata: {
        name: `${job.metadata.name}-launcher`,
        labels: { app: job.metadata.name },
        ownerReferences: [controllerReference(job)],
      },
      spec: {
        backoffLimit: 1,
        podReplacementPolicy: "Failed",
        suspend: false,
        podLabels: { ...labelsOf(job, "launcher"), ...indexed },
      },
    });
  } catch (error) {
    // The Job of a former MPIJob has the name until it is gone.
    if (!(error instanceof Refused)) throw error;
  }
}
