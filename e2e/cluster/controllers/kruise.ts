import type { Controller } from "./controller.ts";

const NAMESPACE = "kruise-system";

/** Names of CRDs without their group. The controllers wait for the caches of all of them. */
const CRDS = [
  "advancedcronjobs",
  "broadcastjobs",
  "clonesets",
  "containerrecreaterequests",
  "daemonsets",
  "ephemeraljobs",
  "imagelistpulljobs",
  "imagepulljobs",
  "nodeimages",
  "nodepodprobes",
  "persistentpodstates",
  "podprobemarkers",
  "resourcedistributions",
  "sidecarsets",
  "statefulsets",
  "uniteddeployments",
  "workloadspreads",
];

const webhook = (name: string, path: string, versions: readonly string[], resource: string): object => ({
  name,
  admissionReviewVersions: ["v1"],
  sideEffects: "None",
  failurePolicy: "Fail",
  // The manager replaces it by its address, and adds the certificate.
  clientConfig: { service: { name: "webhook-service", namespace: NAMESPACE, path } },
  rules: [
    { apiGroups: ["apps.kruise.io"], apiVersions: versions, operations: ["CREATE", "UPDATE"], resources: [resource] },
  ],
});

/** With the webhooks of CloneSets and of StatefulSets; without those of other objects, and without the daemon on the nodes. */
export const KRUISE: Controller = {
  name: "kruise",
  title: "OpenKruise",
  kinds: ["cloneset", "kruise-statefulset"],
  module: "github.com/openkruise/kruise",
  version: "v1.8.0",
  sum: "h1:cU5XG9tur17j/CuY+iCTlxOtJ0GNTtJjMLurhh+25YQ=",
  main: ".",
  crds: {
    ...Object.fromEntries(
      CRDS.map((each) => [`${each}.apps.kruise.io`, `config/crd/bases/apps.kruise.io_${each}.yaml`]),
    ),
    "podunavailablebudgets.policy.kruise.io": "config/crd/bases/policy.kruise.io_podunavailablebudgets.yaml",
  },
  arguments: ({ address, folder }) => [
    "--enable-leader-election=false",
    "--enable-pprof=false",
    "--metrics-addr=127.0.0.1:18195",
    `--health-probe-addr=${address}:18085`,
    `--protection-log-path=${folder}`,
    "--feature-gates=KruiseDaemon=false,PodWebhook=false",
    "--rest-config-qps=100",
    "--rest-config-burst=200",
  ],
  env: ({ folder }) => ({
    POD_NAMESPACE: NAMESPACE,
    WEBHOOK_HOST: "127.0.0.1",
    WEBHOOK_PORT: "19445",
    WEBHOOK_CERT_DIR: `${folder}/kruise-webhook-certs`,
  }),
  healthPort: 18_085,
  healthPath: "/readyz",
  objects: () => [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } },
    {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "MutatingWebhookConfiguration",
      metadata: { name: "kruise-mutating-webhook-configuration" },
      webhooks: [
        webhook("mcloneset.kb.io", "/mutate-apps-kruise-io-v1alpha1-cloneset", ["v1alpha1"], "clonesets"),
        webhook("mstatefulset.kb.io", "/mutate-apps-kruise-io-statefulset", ["v1alpha1", "v1beta1"], "statefulsets"),
      ],
    },
    {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingWebhookConfiguration",
      metadata: { name: "kruise-validating-webhook-configuration" },
      webhooks: [
        webhook("vcloneset.kb.io", "/validate-apps-kruise-io-v1alpha1-cloneset", ["v1alpha1"], "clonesets"),
        webhook("vstatefulset.kb.io", "/validate-apps-kruise-io-statefulset", ["v1alpha1", "v1beta1"], "statefulsets"),
      ],
    },
  ],
};
