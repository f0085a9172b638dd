import type { Controller } from "./controller.ts";

/** Without Services and ingresses: canaries are weighed by the number of their pods. */
export const ARGO_ROLLOUTS: Controller = {
  name: "argo-rollouts",
  title: "Argo Rollouts",
  kinds: ["rollout"],
  module: "github.com/argoproj/argo-rollouts",
  version: "v1.8.3",
  sum: "h1:blbtQva4IK9r6gFh+dWkCrLnFdPOWiv9ubQYu36qeaA=",
  main: "cmd/rollouts-controller",
  crds: {
    "rollouts.argoproj.io": "manifests/crds/rollout-crd.yaml",
    "experiments.argoproj.io": "manifests/crds/experiment-crd.yaml",
    "analysisruns.argoproj.io": "manifests/crds/analysis-run-crd.yaml",
    "analysistemplates.argoproj.io": "manifests/crds/analysis-template-crd.yaml",
    "clusteranalysistemplates.argoproj.io": "manifests/crds/cluster-analysis-template-crd.yaml",
  },
  arguments: ({ kubeconfig }) => [
    `--kubeconfig=${kubeconfig}`,
    "--leader-elect=false",
    "--healthzPort=18080",
    "--metricsport=18090",
  ],
  healthPort: 18_080,
};
