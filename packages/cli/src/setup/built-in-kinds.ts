import type { KindEntry } from "@kinsync/core/project";
import { lazyKind } from "@kinsync/core/project";

/**
 * The kinds that need no entry in a config, by group and kind of their root. This is where a built-in kind is registered. The root is
 * written here and in the kind's package, because names are read without the package; loading the kind compares the two.
 */
export const BUILT_IN_KINDS: readonly KindEntry[] = [
  lazyKind({
    name: "deployment",
    root: { group: "apps", version: "v1", kind: "Deployment", plural: "deployments", shortNames: ["deploy"] },
    load: async () => (await import("@kinsync/kind-deployment")).deployment(),
  }),
  lazyKind({
    name: "statefulset",
    root: { group: "apps", version: "v1", kind: "StatefulSet", plural: "statefulsets", shortNames: ["sts"] },
    load: async () => (await import("@kinsync/kind-statefulset")).statefulset(),
  }),
  lazyKind({
    name: "daemonset",
    root: { group: "apps", version: "v1", kind: "DaemonSet", plural: "daemonsets", shortNames: ["ds"] },
    load: async () => (await import("@kinsync/kind-daemonset")).daemonset(),
  }),
  lazyKind({
    name: "replicaset",
    root: { group: "apps", version: "v1", kind: "ReplicaSet", plural: "replicasets", shortNames: ["rs"] },
    load: async () => (await import("@kinsync/kind-replicaset")).replicaset(),
  }),
  lazyKind({
    name: "replicationcontroller",
    root: {
      group: "",
      version: "v1",
      kind: "ReplicationController",
      plural: "replicationcontrollers",
      shortNames: ["rc"],
    },
    load: async () => (await import("@kinsync/kind-replicaset")).replicationcontroller(),
  }),
  lazyKind({
    name: "job",
    root: { group: "batch", version: "v1", kind: "Job", plural: "jobs" },
    load: async () => (await import("@kinsync/kind-job")).job(),
  }),
  lazyKind({
    name: "cronjob",
    root: { group: "batch", version: "v1", kind: "CronJob", plural: "cronjobs", shortNames: ["cj"] },
    load: async () => (await import("@kinsync/kind-job")).cronjob(),
  }),
  lazyKind({
    name: "jobset",
    root: { group: "jobset.x-k8s.io", version: "v1alpha2", kind: "JobSet", plural: "jobsets" },
    load: async () => (await import("@kinsync/kind-jobset")).jobset(),
  }),
  lazyKind({
    name: "leaderworkerset",
    root: {
      group: "leaderworkerset.x-k8s.io",
      version: "v1",
      kind: "LeaderWorkerSet",
      plural: "leaderworkersets",
      shortNames: ["lws"],
    },
    load: async () => (await import("@kinsync/kind-leaderworkerset")).leaderworkerset(),
  }),
  lazyKind({
    name: "raycluster",
    root: { group: "ray.io", version: "v1", versions: ["v1alpha1"], kind: "RayCluster", plural: "rayclusters" },
    load: async () => (await import("@kinsync/kind-ray")).raycluster(),
  }),
  lazyKind({
    name: "rayjob",
    root: { group: "ray.io", version: "v1", versions: ["v1alpha1"], kind: "RayJob", plural: "rayjobs" },
    load: async () => (await import("@kinsync/kind-ray")).rayjob(),
  }),
  lazyKind({
    name: "rayservice",
    root: { group: "ray.io", version: "v1", versions: ["v1alpha1"], kind: "RayService", plural: "rayservices" },
    load: async () => (await import("@kinsync/kind-ray")).rayservice(),
  }),
  lazyKind({
    name: "rollout",
    root: { group: "argoproj.io", version: "v1alpha1", kind: "Rollout", plural: "rollouts", shortNames: ["ro"] },
    load: async () => (await import("@kinsync/kind-rollout")).rollout(),
  }),
];
