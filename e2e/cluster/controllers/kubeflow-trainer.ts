import type { Controller } from "./controller.ts";

/** With the cluster's JobSet controller. Its webhooks only validate, and are not registered. */
export const KUBEFLOW_TRAINER: Controller = {
  name: "kubeflow-trainer",
  title: "Kubeflow Trainer",
  kinds: ["trainjob"],
  module: "github.com/kubeflow/trainer/v2",
  version: "v2.1.0",
  sum: "h1:jRABD9ZYToamNH2atHze3L/VC/v6KCAqUEqsOQOjVTg=",
  main: "cmd/trainer-controller-manager",
  crds: {
    "trainjobs.trainer.kubeflow.org": "manifests/base/crds/trainer.kubeflow.org_trainjobs.yaml",
    "trainingruntimes.trainer.kubeflow.org": "manifests/base/crds/trainer.kubeflow.org_trainingruntimes.yaml",
    "clustertrainingruntimes.trainer.kubeflow.org":
      "manifests/base/crds/trainer.kubeflow.org_clustertrainingruntimes.yaml",
  },
  arguments: ({ folder }) => [`--config=${folder}/config.json`],
  files: ({ address }) => ({
    "config.json": JSON.stringify({
      apiVersion: "config.trainer.kubeflow.org/v1alpha1",
      kind: "Configuration",
      health: {
        healthProbeBindAddress: `${address}:18083`,
        readinessEndpointName: "readyz",
        livenessEndpointName: "healthz",
      },
      metrics: { bindAddress: "127.0.0.1:18193", secureServing: false },
      webhook: { host: "127.0.0.1", port: 19_443 },
      leaderElection: { leaderElect: false },
      certManagement: { enable: false },
      clientConnection: { qps: 100, burst: 200 },
    }),
  }),
  healthPort: 18_083,
  healthPath: "/readyz",
};
