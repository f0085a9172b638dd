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
export const ROLLOUTS: Type = { apiVersion: "argoproj.io/v1alpha1", kind: "Rollout" };
export const RAY_CLUSTERS: Type = { apiVersion: "ray.io/v1", kind: "RayCluster" };
export const RAY_JOBS: Type = { apiVersion: "ray.io/v1", kind: "RayJob" };
export const RAY_SERVICES: Type = { apiVersion: "ray.io/v1", kind: "RayService" };
