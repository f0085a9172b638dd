import type { KindPlugin, RootType } from "@kinsync/core/contract";
import type { KindEntry } from "@kinsync/core/project";
import { lazyKind } from "@kinsync/core/project";

/** A kind that needs no entry in a config. */
export interface BuiltInKind {
  readonly name: string;
  /** The package that has its code and its page. */
  readonly package: string;
  /** The same as in the package: names are read without it. Loading the kind compares the two. */
  readonly root: RootType;
  /** What role, index and labels of its members are, in one line. */
  readonly members: string;
  readonly load: () => Promise<KindPlugin>;
}

/**
 * All of them. This is where a built-in kind is registered; its package is also listed in `package.json` and `tsconfig.json` of this one.
 * `npm run docs:kinds` then renews the page of kinds, and `test/kinds.test.ts` names whatever is missing.
 */
export const BUILT_IN: readonly BuiltInKind[] = [
  {
    name: "deployment",
    package: "@kinsync/kind-deployment",
    root: { group: "apps", version: "v1", kind: "Deployment", plural: "deployments", shortNames: ["deploy"] },
    members: "no role, no index",
    load: async () => (await import("@kinsync/kind-deployment")).deployment(),
  },
  {
    name: "statefulset",
    package: "@kinsync/kind-statefulset",
    root: { group: "apps", version: "v1", kind: "StatefulSet", plural: "statefulsets", shortNames: ["sts"] },
    members: "index: the ordinal",
    load: async () => (await import("@kinsync/kind-statefulset")).statefulset(),
  },
  {
    name: "daemonset",
    package: "@kinsync/kind-daemonset",
    root: { group: "apps", version: "v1", kind: "DaemonSet", plural: "daemonsets", shortNames: ["ds"] },
    members: "index: the node",
    load: async () => (await import("@kinsync/kind-daemonset")).daemonset(),
  },
  {
    name: "replicaset",
    package: "@kinsync/kind-replicaset",
    root: { group: "apps", version: "v1", kind: "ReplicaSet", plural: "replicasets", shortNames: ["rs"] },
    members: "no role, no index",
    load: async () => (await import("@kinsync/kind-replicaset")).replicaset(),
  },
  {
    name: "replicationcontroller",
    package: "@kinsync/kind-replicaset",
    root: {
      group: "",
      version: "v1",
      kind: "ReplicationController",
      plural: "replicationcontrollers",
      shortNames: ["rc"],
    },
    members: "no role, no index",
    load: async () => (await import("@kinsync/kind-replicaset")).replicationcontroller(),
  },
  {
    name: "job",
    package: "@kinsync/kind-job",
    root: { group: "batch", version: "v1", kind: "Job", plural: "jobs" },
    members: "index: the completion index of an Indexed Job",
    load: async () => (await import("@kinsync/kind-job")).job(),
  },
  {
    name: "cronjob",
    package: "@kinsync/kind-job",
    root: { group: "batch", version: "v1", kind: "CronJob", plural: "cronjobs", shortNames: ["cj"] },
    members: "index: as in the Job; labels: job, start (scheduled or manual)",
    load: async () => (await import("@kinsync/kind-job")).cronjob(),
  },
  {
    name: "jobset",
    package: "@kinsync/kind-jobset",
    root: { group: "jobset.x-k8s.io", version: "v1alpha2", kind: "JobSet", plural: "jobsets" },
    members: "role: the replicatedJob; index: JOB/POD",
    load: async () => (await import("@kinsync/kind-jobset")).jobset(),
  },
  {
    name: "leaderworkerset",
    package: "@kinsync/kind-leaderworkerset",
    root: {
      group: "leaderworkerset.x-k8s.io",
      version: "v1",
      kind: "LeaderWorkerSet",
      plural: "leaderworkersets",
      shortNames: ["lws"],
    },
    members: "role: leader or worker; index: GROUP/WORKER; labels: group, subgroup",
    load: async () => (await import("@kinsync/kind-leaderworkerset")).leaderworkerset(),
  },
  {
    name: "raycluster",
    package: "@kinsync/kind-ray",
    root: { group: "ray.io", version: "v1", versions: ["v1alpha1"], kind: "RayCluster", plural: "rayclusters" },
    members: "role: head or the worker group; index: REPLICA/HOST of multi-host groups; labels: node (head or worker)",
    load: async () => (await import("@kinsync/kind-ray")).raycluster(),
  },
  {
    name: "rayjob",
    package: "@kinsync/kind-ray",
    root: { group: "ray.io", version: "v1", versions: ["v1alpha1"], kind: "RayJob", plural: "rayjobs" },
    members: "as the RayCluster; role submitter: a helper",
    load: async () => (await import("@kinsync/kind-ray")).rayjob(),
  },
  {
    name: "rayservice",
    package: "@kinsync/kind-ray",
    root: { group: "ray.io", version: "v1", versions: ["v1alpha1"], kind: "RayService", plural: "rayservices" },
    members: "as the RayCluster; labels: side (active or pending)",
    load: async () => (await import("@kinsync/kind-ray")).rayservice(),
  },
  {
    name: "rollout",
    package: "@kinsync/kind-rollout",
    root: { group: "argoproj.io", version: "v1alpha1", kind: "Rollout", plural: "rollouts", shortNames: ["ro"] },
    members: "role: stable or canary; with blue-green active or preview",
    load: async () => (await import("@kinsync/kind-rollout")).rollout(),
  },
  {
    name: "trainjob",
    package: "@kinsync/kind-kubeflow",
    root: { group: "trainer.kubeflow.org", version: "v1alpha1", kind: "TrainJob", plural: "trainjobs" },
    members: "as the JobSet: role node, launcher, dataset-initializer or model-initializer",
    load: async () => (await import("@kinsync/kind-kubeflow")).trainjob(),
  },
  {
    name: "mpijob",
    package: "@kinsync/kind-kubeflow",
    root: { group: "kubeflow.org", version: "v2beta1", versions: ["v1"], kind: "MPIJob", plural: "mpijobs" },
    members: "role: launcher or worker; index: the replica",
    load: async () => (await import("@kinsync/kind-kubeflow")).mpijob(),
  },
  {
    name: "pytorchjob",
    package: "@kinsync/kind-kubeflow",
    root: { group: "kubeflow.org", version: "v1", kind: "PyTorchJob", plural: "pytorchjobs" },
    members: "role: the type of the replica, such as master or worker; index: the replica",
    load: async () => (await import("@kinsync/kind-kubeflow")).pytorchjob(),
  },
  {
    name: "tfjob",
    package: "@kinsync/kind-kubeflow",
    root: { group: "kubeflow.org", version: "v1", kind: "TFJob", plural: "tfjobs" },
    members: "role: the type of the replica, such as chief, ps or worker; index: the replica",
    load: async () => (await import("@kinsync/kind-kubeflow")).tfjob(),
  },
  {
    name: "xgboostjob",
    package: "@kinsync/kind-kubeflow",
    root: { group: "kubeflow.org", version: "v1", kind: "XGBoostJob", plural: "xgboostjobs" },
    members: "role: the type of the replica, such as master or worker; index: the replica",
    load: async () => (await import("@kinsync/kind-kubeflow")).xgboostjob(),
  },
  {
    name: "paddlejob",
    package: "@kinsync/kind-kubeflow",
    root: { group: "kubeflow.org", version: "v1", kind: "PaddleJob", plural: "paddlejobs" },
    members: "role: the type of the replica, such as master or worker; index: the replica",
    load: async () => (await import("@kinsync/kind-kubeflow")).paddlejob(),
  },
  {
    name: "jaxjob",
    package: "@kinsync/kind-kubeflow",
    root: { group: "kubeflow.org", version: "v1", kind: "JAXJob", plural: "jaxjobs" },
    members: "role: the type of the replica, such as worker; index: the replica",
    load: async () => (await import("@kinsync/kind-kubeflow")).jaxjob(),
  },
  {
    name: "volcano-job",
    package: "@kinsync/kind-volcano",
    root: { group: "batch.volcano.sh", version: "v1alpha1", kind: "Job", plural: "jobs", shortNames: ["vcjob", "vj"] },
    members: "role: the task; index: the task index; labels: partition",
    load: async () => (await import("@kinsync/kind-volcano")).volcanojob(),
  },
  {
    name: "knative-service",
    package: "@kinsync/kind-knative",
    root: {
      group: "serving.knative.dev",
      version: "v1",
      kind: "Service",
      plural: "services",
      shortNames: ["kservice", "ksvc"],
    },
    members: "labels: revision, tag",
    load: async () => (await import("@kinsync/kind-knative")).knativeservice(),
  },
  {
    name: "cloneset",
    package: "@kinsync/kind-kruise",
    root: {
      group: "apps.kruise.io",
      version: "v1alpha1",
      versions: ["v1beta1"],
      kind: "CloneSet",
      plural: "clonesets",
      shortNames: ["clone"],
    },
    members: "index: the instance",
    load: async () => (await import("@kinsync/kind-kruise")).cloneset(),
  },
  {
    name: "kruise-statefulset",
    package: "@kinsync/kind-kruise",
    root: {
      group: "apps.kruise.io",
      version: "v1beta1",
      kind: "StatefulSet",
      plural: "statefulsets",
      shortNames: ["asts"],
    },
    members: "index: the ordinal",
    load: async () => (await import("@kinsync/kind-kruise")).advancedstatefulset(),
  },
  {
    name: "appwrapper",
    package: "@kinsync/kind-appwrapper",
    root: { group: "workload.codeflare.dev", version: "v1beta2", kind: "AppWrapper", plural: "appwrappers" },
    members: "as the components; labels: component",
    load: async () => (await import("@kinsync/kind-appwrapper")).appwrapper(),
  },
];

/** The same as the host takes them: their code is imported when a workload needs it. */
export const BUILT_IN_KINDS: readonly KindEntry[] = BUILT_IN.map(({ name, root, load }) =>
  lazyKind({ name, root, load }),
);
