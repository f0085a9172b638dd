import { defineKind, verdictOfInactivePod } from "@kinsync/core/contract";
import type {
  Judgement,
  KindPlugin,
  KubeObject,
  OwnedPod,
  ResourceType,
  RootType,
  Verdict,
  WatchPlan,
} from "@kinsync/core/contract";
import { indexOf, judgeLivePod, KEYS, readRun } from "./live-pod.ts";
import { notesOfRun, type JobStatus, type RunPolicy } from "./notes.ts";
import { judgeReplicas, readReplicas, rolesOf, watchesOfJob } from "./replica-jobs.ts";

const MPI_JOBS: RootType = {
  group: "kubeflow.org",
  version: "v2beta1",
  versions: ["v1"],
  kind: "MPIJob",
  plural: "mpijobs",
};
const JOBS: ResourceType = { group: "batch", version: "v1", kind: "Job", plural: "jobs" };

const SPECS = "mpiReplicaSpecs";

/** The part of an MPIJob v2beta1 that is read. Any field may be missing. */
type MpiJob = KubeObject<{ readonly runPolicy?: RunPolicy; readonly runLauncherAsWorker?: boolean }, JobStatus>;

/**
 * The kind of MPIJobs, which have one CRD name in two projects. In v2beta1 (mpi-operator) workers are pods of the MPIJob, and the launcher is
 * the pod of a Job, which may be created long after the workers (mpi-operator `pkg/controller/mpi_job_controller.go`). In v1
 * (training-operator) all of them are pods of the MPIJob.
 */
export function mpijob(): KindPlugin {
  return defineKind({
    name: "mpijob",
    needs: ["roles", "versions"],
    root: MPI_JOBS,
    watches: (root) => (isV1(root) ? watchesOfJob(root) : watches(root)),
    judge: ({ root }) => (isV1(root) ? judgeReplicas(root, readReplicas(root, SPECS)) : judge(root)),
    roles: (root) => rolesOf(readReplicas(root, SPECS)),
    defaultContainer: ({ spec }) => spec.containers.find(({ name }) => name === "mpi")?.name,
  });
}

function isV1({ apiVersion }: KubeObject): boolean {
  return apiVersion === "kubeflow.org/v1";
}

/** The launcher's Job has no label with the name of the MPIJob that is certain; its pods and the workers have. */
function watches(root: KubeObject): WatchPlan {
  return { ...watchesOfJob(root), watches: [{ resource: JOBS, metadataOnly: true }] };
}

function judge(root: KubeObject): Judgement {
  const { spec, status }: MpiJob = root;
  const run = readRun(root, spec?.runPolicy, status);
  const workers = readReplicas(root, SPECS)["Worker"]?.replicas;
  // The launcher has index 0 then, and the labels of the workers are one above the numbers of their names.
  const last = workers === undefined ? undefined : spec?.runLauncherAsWorker === true ? workers + 1 : workers;
  return {
    pod: (owned) => {
      const role = roleOf(owned);
      const index = indexOf(owned.pod);
      return {
        ...(verdictOfInactivePod(owned.pod) ??
          (root.metadata.deletionTimestamp === undefined ? goingWithItsJob(owned) : undefined) ??
          judgeLivePod(run, index, role === "worker" ? last : undefined)),
        role,
        ...(index === undefined ? {} : { index: String(index) }),
      };
    },
    notes: notesOfRun(root, spec?.runPolicy, status),
  };
}

/** The Job of the launcher is being deleted in the foreground: the operator creates another one. */
function goingWithItsJob({ owners: [job] }: OwnedPod): Pick<Verdict, "state" | "reason"> | undefined {
  const { deletionTimestamp, name, uid } = job?.metadata ?? {};
  if (deletionTimestamp === undefined) return undefined;
  const message = `its Job ${name} is being deleted, and the pod goes with it`;
  const evidence = { "job.metadata.uid": uid ?? null, "job.metadata.deletionTimestamp": deletionTimestamp };
  return { state: "terminating", reason: { code: "launcher-deleting", message, evidence } };
}

/** A pod of a Job is the launcher, whatever its labels. */
function roleOf({ owners, pod }: OwnedPod): string {
  if (owners.length > 0) return "launcher";
  const role = pod.metadata.labels?.[KEYS.jobRole];
  return role === undefined || role === "" ? "worker" : role;
}
