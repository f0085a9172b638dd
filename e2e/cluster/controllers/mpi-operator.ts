import type { Controller } from "./controller.ts";

/** It elects a leader always: its lease needs a namespace. */
export const MPI_OPERATOR: Controller = {
  name: "mpi-operator",
  title: "Kubeflow MPI Operator",
  kinds: ["mpijob"],
  module: "github.com/kubeflow/mpi-operator",
  version: "v0.6.0",
  sum: "h1:RzzG03oyQIiHe/SH2k19N+Hp4QkxEsG2l9G1T7US+ys=",
  main: "cmd/mpi-operator",
  crds: { "mpijobs.kubeflow.org": "manifests/base/kubeflow.org_mpijobs.yaml" },
  arguments: ({ kubeconfig }) => [`--kubeConfig=${kubeconfig}`, "--kube-api-qps=100", "--kube-api-burst=200"],
  healthPort: 8080,
  objects: () => [{ apiVersion: "v1", kind: "Namespace", metadata: { name: "mpi-operator" } }],
};
