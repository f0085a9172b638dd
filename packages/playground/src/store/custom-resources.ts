import type { BuiltIn } from "./built-in-resource.ts";

const WORKLOAD = { status: true, generation: true } as const;

/**
 * Custom resources of widely used controllers. The playground serves them without their CRDs, so that workloads of these kinds can be
 * created; it does not run their controllers. A CustomResourceDefinition of the same name takes the place of an entry.
 */
export const CUSTOM_RESOURCES: readonly BuiltIn[] = [
  {
    group: "leaderworkerset.x-k8s.io",
    plural: "leaderworkersets",
    kind: "LeaderWorkerSet",
    shortNames: ["lws"],
    ...WORKLOAD,
  },
  { group: "ray.io", plural: "rayclusters", kind: "RayCluster", ...WORKLOAD },
  { group: "ray.io", plural: "rayjobs", kind: "RayJob", ...WORKLOAD },
  { group: "ray.io", plural: "rayservices", kind: "RayService", ...WORKLOAD },
  {
    group: "argoproj.io",
    version: "v1alpha1",
    plural: "rollouts",
    kind: "Rollout",
    shortNames: ["ro"],
    ...WORKLOAD,
  },
  { group: "trainer.kubeflow.org", version: "v1alpha1", plural: "trainjobs", kind: "TrainJob", ...WORKLOAD },
  { group: "kubeflow.org", plural: "pytorchjobs", kind: "PyTorchJob", ...WORKLOAD },
  { group: "kubeflow.org", plural: "tfjobs", kind: "TFJob", ...WORKLOAD },
  { group: "kubeflow.org", plural: "xgboostjobs", kind: "XGBoostJob", ...WORKLOAD },
  { group: "kubeflow.org", plural: "paddlejobs", kind: "PaddleJob", ...WORKLOAD },
  { group: "kubeflow.org", plural: "jaxjobs", kind: "JAXJob", ...WORKLOAD },
  { group: "kubeflow.org", version: "v2beta1", plural: "mpijobs", kind: "MPIJob", ...WORKLOAD },
  {
    group: "batch.volcano.sh",
    version: "v1alpha1",
    plural: "jobs",
    kind: "Job",
    shortNames: ["vcjob", "vj"],
    ...WORKLOAD,
  },
  {
    group: "serving.knative.dev",
    plural: "services",
    kind: "Service",
    shortNames: ["kservice", "ksvc"],
    ...WORKLOAD,
  },
  {
    group: "serving.knative.dev",
    plural: "configurations",
    kind: "Configuration",
    shortNames: ["config", "cfg"],
    ...WORKLOAD,
  },
  { group: "serving.knative.dev", plural: "revisions", kind: "Revision", shortNames: ["rev"], ...WORKLOAD },
  {
    group: "apps.kruise.io",
    version: "v1alpha1",
    plural: "clonesets",
    kind: "CloneSet",
    shortNames: ["clone"],
    ...WORKLOAD,
  },
  {
    group: "apps.kruise.io",
    version: "v1beta1",
    plural: "statefulsets",
    kind: "StatefulSet",
    shortNames: ["sts", "asts"],
    ...WORKLOAD,
  },
  { group: "workload.codeflare.dev", version: "v1beta2", plural: "appwrappers", kind: "AppWrapper", ...WORKLOAD },
];
