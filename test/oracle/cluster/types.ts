/** Version and kind of an object, as it has them itself. */
export interface Type {
  readonly apiVersion: string;
  readonly kind: string;
}

export const PODS: Type = { apiVersion: "v1", kind: "Pod" };
export const REPLICA_SETS: Type = { apiVersion: "apps/v1", kind: "ReplicaSet" };
export const REPLICATION_CONTROLLERS: Type = { apiVersion: "v1", kind: "ReplicationController" };
export const STATEFUL_SETS: Type = { apiVersion: "apps/v1", kind: "StatefulSet" };
export const CONTROLLER_REVISIONS: Type = { apiVersion: "apps/v1", kind: "ControllerRevision" };
export const DAEMON_SETS: Type = { apiVersion: "apps/v1", kind: "DaemonSet" };
export const DEPLOYMENTS: Type = { apiVersion: "apps/v1", kind: "Deployment" };
export const CRON_JOBS: Type = { apiVersion: "batch/v1", kind: "CronJob" };
export const JOBS: Type = { apiVersion: "batch/v1", kind: "Job" };

/** One text for each type: the stream that its objects arrive on. */
export function streamOf({ apiVersion, kind }: Type): string {
  return `${apiVersion} ${kind}`;
}
export const JOB_SETS: Type = { apiVersion: "jobset.x-k8s.io/v1alpha2", kind: "JobSet" };
export const LEADER_WORKER_SETS: Type = { apiVersion: "leaderworkerset.x-k8s.io/v1", kind: "LeaderWorkerSet" };
export const APP_WRAPPERS: Type = { apiVersion: "workload.codeflare.dev/v1beta2", kind: "AppWrapper" };
export const KNATIVE_SERVICES: Type = { apiVersion: "serving.knative.dev/v1", kind: "Service" };
export const CONFIGURATIONS: Type = { apiVersion: "serving.knative.dev/v1", kind: "Configuration" };
export const REVISIONS: Type = { apiVersion: "serving.knative.dev/v1", kind: "Revision" };
export const ROLLOUTS: Type = { apiVersion: "argoproj.io/v1alpha1", kind: "Rollout" };
export const RAY_CLUSTERS: Type = { apiVersion: "ray.io/v1", kind: "RayCluster" };
export const RAY_JOBS: Type = { apiVersion: "ray.io/v1", kind: "RayJob" };
export const RAY_SERVICES: Type = { apiVersion: "ray.io/v1", kind: "RayService" };
export const MPI_JOBS: Type = { apiVersion: "kubeflow.org/v2beta1", kind: "MPIJob" };
export const TRAIN_JOBS: Type = { apiVersion: "trainer.kubeflow.org/v1alpha1", kind: "TrainJob" };
export const CLONE_SETS: Type = { apiVersion: "apps.kruise.io/v1alpha1", kind: "CloneSet" };
export const ADVANCED_STATEFUL_SETS: Type = { apiVersion: "apps.kruise.io/v1beta1", kind: "StatefulSet" };
export const VOLCANO_JOBS: Type = { apiVersion: "batch.volcano.sh/v1alpha1", kind: "Job" };
