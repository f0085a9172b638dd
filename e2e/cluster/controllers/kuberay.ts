import type { Controller } from "./controller.ts";

/** Pods keep the command, the probes and the init containers of their template: its own ones require an image with Ray. */
export const KUBERAY: Controller = {
  name: "kuberay",
  title: "KubeRay",
  kinds: ["raycluster", "rayjob", "rayservice"],
  module: "github.com/ray-project/kuberay/ray-operator",
  version: "v1.4.2",
  sum: "h1:A4tGzbIky8sInAUxZBdBb+rrpZ7fbqoxdsOtm559Zqg=",
  main: ".",
  crds: {
    "rayclusters.ray.io": "config/crd/bases/ray.io_rayclusters.yaml",
    "rayjobs.ray.io": "config/crd/bases/ray.io_rayjobs.yaml",
    "rayservices.ray.io": "config/crd/bases/ray.io_rayservices.yaml",
  },
  arguments: ({ address }) => [
    "--enable-leader-election=false",
    // The cluster has no DNS: dashboards are reached through the API server.
    "--use-kubernetes-proxy=true",
    "--metrics-addr=127.0.0.1:18190",
    `--health-probe-bind-address=${address}:18082`,
  ],
  env: () => ({ ENABLE_INIT_CONTAINER_INJECTION: "false", ENABLE_PROBES_INJECTION: "false" }),
  healthPort: 18_082,
};
