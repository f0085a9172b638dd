import { IMAGES } from "../../images/image-names.ts";
import type { Controller } from "./controller.ts";

const NAMESPACE = "kubeflow";

/**
 * Its webhooks only validate, and are not registered. It waits for their certificate below /tmp. The cluster has no DNS, so workers of a
 * PyTorchJob do not wait for the name of their master.
 */
export const TRAINING_OPERATOR: Controller = {
  name: "training-operator",
  title: "Kubeflow Training Operator",
  kinds: ["pytorchjob", "tfjob", "xgboostjob", "paddlejob", "jaxjob", "mpijob"],
  module: "github.com/kubeflow/training-operator",
  version: "v1.9.3",
  sum: "h1:aaSHqskOtCY8Dn8sVd+l9p5XAczW6O0nYMPjVLAw/lc=",
  main: "cmd/training-operator.v1",
  crds: Object.fromEntries(
    ["jaxjobs", "mpijobs", "paddlejobs", "pytorchjobs", "tfjobs", "xgboostjobs"].map((each) => [
      `${each}.kubeflow.org`,
      `manifests/base/crds/kubeflow.org_${each}.yaml`,
    ]),
  ),
  arguments: ({ address }) => [
    "--metrics-bind-address=127.0.0.1:18196",
    `--health-probe-bind-address=${address}:18086`,
    "--webhook-server-port=19446",
    "--kube-api-qps=100",
    "--kube-api-burst=200",
    "--pytorch-init-container-template-file=/tmp/init-containers.json",
    // Its shell ends at once.
    `--mpi-kubectl-delivery-image=${IMAGES.busybox}`,
  ],
  env: () => ({ MY_POD_NAMESPACE: NAMESPACE }),
  healthPort: 18_086,
  healthPath: "/readyz",
  hasOwnTmp: true,
  files: () => ({
    "init-containers.json": JSON.stringify([
      { name: "init-pytorch", image: IMAGES.busybox, imagePullPolicy: "IfNotPresent", command: ["true"] },
    ]),
  }),
  objects: () => [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } },
    { apiVersion: "v1", kind: "Secret", metadata: { name: "training-operator-webhook-cert", namespace: NAMESPACE } },
    {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingWebhookConfiguration",
      metadata: { name: "validator.training-operator.kubeflow.org" },
      webhooks: [],
    },
  ],
};
