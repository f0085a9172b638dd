import type { Controller } from "./controller.ts";

const WEBHOOK_PORT = 19_447;
/** Label of the pods of a LeaderWorkerSet: all others can be created while the controller does not run. */
const PODS = { matchExpressions: [{ key: "leaderworkerset.sigs.k8s.io/name", operator: "Exists" }] };

const webhook = (name: string, path: string, caBundle: string, rule: object, more: object = {}): object => ({
  name,
  admissionReviewVersions: ["v1"],
  sideEffects: "None",
  failurePolicy: "Fail",
  clientConfig: { url: `https://127.0.0.1:${WEBHOOK_PORT}/${path}`, caBundle },
  rules: [rule],
  ...more,
});

const SETS = {
  apiGroups: ["leaderworkerset.x-k8s.io"],
  apiVersions: ["v1"],
  operations: ["CREATE", "UPDATE"],
  resources: ["leaderworkersets"],
};

/** With its webhooks: that of pods gives them group and index. */
export const LWS: Controller = {
  name: "lws",
  title: "LeaderWorkerSet",
  kinds: ["leaderworkerset"],
  module: "sigs.k8s.io/lws",
  version: "v0.7.0",
  sum: "h1:qWfzX8+UBak+Hq0+m/PuE3uO0mp/3dmm5q/h/7z31A8=",
  main: "cmd",
  crds: {
    "leaderworkersets.leaderworkerset.x-k8s.io": "config/crd/bases/leaderworkerset.x-k8s.io_leaderworkersets.yaml",
  },
  arguments: ({ folder }) => [`--config=${folder}/config.json`],
  files: ({ address, folder }) => ({
    "config.json": JSON.stringify({
      apiVersion: "config.lws.x-k8s.io/v1alpha1",
      kind: "Configuration",
      health: { healthProbeBindAddress: `${address}:18087` },
      metrics: { bindAddress: "0" },
      webhook: { host: "127.0.0.1", port: WEBHOOK_PORT, certDir: `${folder}/k8s-webhook-server/serving-certs` },
      leaderElection: { leaderElect: false },
      internalCertManagement: { enable: false },
    }),
  }),
  healthPort: 18_087,
  healthPath: "/readyz",
  objects: ({ caBundle }) => [
    {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "MutatingWebhookConfiguration",
      metadata: { name: "lws-mutating-webhook-configuration" },
      webhooks: [
        webhook("mleaderworkerset.kb.io", "mutate-leaderworkerset-x-k8s-io-v1-leaderworkerset", caBundle, SETS),
        webhook(
          "mpod.kb.io",
          "mutate--v1-pod",
          caBundle,
          { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] },
          { objectSelector: PODS },
        ),
      ],
    },
    {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingWebhookConfiguration",
      metadata: { name: "lws-validating-webhook-configuration" },
      webhooks: [
        webhook("vleaderworkerset.kb.io", "validate-leaderworkerset-x-k8s-io-v1-leaderworkerset", caBundle, SETS),
      ],
    },
  ],
};
