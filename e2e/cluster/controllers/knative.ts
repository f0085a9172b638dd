import type { Controller, Place } from "./controller.ts";

const NAMESPACE = "knative-serving";
const AUTOSCALER = "localhost/knative-autoscaler:1";
const QUEUE = "localhost/knative-queue:1";

/** Port of the node on which a situation may play the activator, for an autoscaler that probes it before it scales to zero. */
export const ACTIVATOR_PORT = 19_448;

const SERVING = ["configurations", "revisions", "routes", "services"];

const networking = (path: string) => ({ module: "knative.dev/networking", path: `config/${path}` });

const configMap = (name: string, data: Readonly<Record<string, string>> = {}): object => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: `config-${name}`, namespace: NAMESPACE },
  data,
});

const environment = {
  SYSTEM_NAMESPACE: NAMESPACE,
  POD_NAME: "knative",
  CONFIG_LOGGING_NAME: "config-logging",
  CONFIG_OBSERVABILITY_NAME: "config-observability",
};

/**
 * Without webhooks: they set defaults, which the controllers also do in memory. The autoscaler is a pod, because both programs listen on
 * one port. Without an ingress controller and an activator: the situations play what these report.
 */
export const KNATIVE: Controller = {
  name: "knative",
  title: "Knative Serving",
  kinds: ["knative-service"],
  module: "knative.dev/serving",
  version: "v0.47.0",
  sum: "h1:qNe8GcI12VigsGRqBojqTE/u63rikAWAtGliEOgNxAY=",
  main: "cmd/controller",
  crds: {
    ...Object.fromEntries(
      SERVING.map((each) => [`${each}.serving.knative.dev`, `config/core/300-resources/${each.slice(0, -1)}.yaml`]),
    ),
    "domainmappings.serving.knative.dev": "config/core/300-resources/domain-mapping.yaml",
    "metrics.autoscaling.internal.knative.dev": "config/core/300-resources/metric.yaml",
    "podautoscalers.autoscaling.internal.knative.dev": "config/core/300-resources/podautoscaler.yaml",
  },
  requiredCrds: {
    "certificates.networking.internal.knative.dev": networking("certificate.yaml"),
    "clusterdomainclaims.networking.internal.knative.dev": networking("domain-claim.yaml"),
    "ingresses.networking.internal.knative.dev": networking("ingress.yaml"),
    "serverlessservices.networking.internal.knative.dev": networking("serverlessservice.yaml"),
    "images.caching.internal.knative.dev": { module: "knative.dev/caching", path: "config/image.yaml" },
  },
  images: [
    { reference: QUEUE, name: "queue", main: "cmd/queue" },
    { reference: AUTOSCALER, name: "autoscaler", main: "cmd/autoscaler" },
  ],
  arguments: ({ kubeconfig }) => [`--kubeconfig=${kubeconfig}`],
  env: () => environment,
  healthPort: 8080,
  healthPath: "/readiness",
  objects: (place) => [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } },
    ...["certmanager", "defaults", "domain", "features", "gc", "leader-election", "logging", "network"].map((each) =>
      configMap(each),
    ),
    configMap("observability"),
    configMap("tracing"),
    configMap("autoscaler", { "stable-window": "6s", "scale-to-zero-grace-period": "6s" }),
    // A reference whose first part has neither a dot nor a port is one of Docker Hub for it.
    configMap("deployment", { "queue-sidecar-image": QUEUE, "registries-skipping-tag-resolving": "index.docker.io" }),
    // The activator: nobody listens there.
    {
      apiVersion: "v1",
      kind: "Endpoints",
      metadata: { name: "activator-service", namespace: NAMESPACE },
      subsets: [{ addresses: [{ ip: place.address }], ports: [{ name: "http", port: ACTIVATOR_PORT }] }],
    },
    ...autoscaler(place),
  ],
};

/** The autoscaler as a pod, which reaches the API server by the node's address: there is no kube-proxy. */
function autoscaler({ address }: Place): readonly object[] {
  const metadata = { name: "autoscaler", namespace: NAMESPACE };
  const env = {
    ...environment,
    KUBERNETES_SERVICE_HOST: address,
    KUBERNETES_SERVICE_PORT: "6443",
    // The names of Services are not known here: only the probes of the activator use them.
    HTTP_PROXY: `http://${address}:${ACTIVATOR_PORT}`,
    NO_PROXY: "10.0.0.0/8",
  };
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: "knative-autoscaler" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
      subjects: [{ kind: "ServiceAccount", ...metadata }],
    },
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata,
      spec: {
        serviceAccountName: metadata.name,
        containers: [
          {
            name: "autoscaler",
            image: AUTOSCALER,
            imagePullPolicy: "Never",
            env: [
              ...Object.entries(env).map(([name, value]) => ({ name, value })),
              { name: "POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
            ],
          },
        ],
      },
    },
  ];
}
