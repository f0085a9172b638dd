import type { Controller } from "./controller.ts";

const NAMESPACE = "appwrapper-system";
const SECOND = 1_000_000_000;

/** Without Kueue and without webhooks. It resets an AppWrapper soon after a failure. */
export const APPWRAPPER: Controller = {
  name: "appwrapper",
  title: "AppWrapper",
  kinds: ["appwrapper"],
  module: "github.com/project-codeflare/appwrapper",
  version: "v1.1.2",
  sum: "h1:iEEyYGSDXOxMXc/AZEvTDDXy1DNi+cWUQ93uM6XAXJc=",
  main: "cmd",
  crds: { "appwrappers.workload.codeflare.dev": "config/crd/bases/workload.codeflare.dev_appwrappers.yaml" },
  arguments: () => [],
  env: () => ({ NAMESPACE }),
  healthPort: 18_084,
  objects: ({ address }) => [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } },
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "appwrapper-operator-config", namespace: NAMESPACE },
      data: {
        "config.yaml": JSON.stringify({
          appwrapper: {
            autopilot: { injectAntiAffinities: false, monitorNodes: false },
            userRBACAdmissionCheck: false,
            faultTolerance: {
              admissionGracePeriod: 60 * SECOND,
              warmupGracePeriod: 60 * SECOND,
              failureGracePeriod: SECOND,
              resetPause: SECOND,
              retryLimit: 3,
              deletionGracePeriod: 120 * SECOND,
              gracePeriodCeiling: 3600 * SECOND,
              successTTLCeiling: 3600 * SECOND,
            },
          },
          controllerManager: {
            health: { bindAddress: `${address}:18084` },
            metrics: { bindAddress: "127.0.0.1:18194" },
            leaderElection: false,
          },
          webhooksEnabled: false,
        }),
      },
    },
  ],
};
