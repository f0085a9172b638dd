import type { KubernetesObject } from "@kubernetes/client-node";
import type { PodSpec } from "./manifests.ts";

/** Label of a hook: OpenKruise deletes a pod that has it only after somebody has removed it. */
export const HOOK = "example.com/hook";

interface CloneSetSpec {
  readonly updateStrategy?: object;
  readonly scaleStrategy?: object;
  readonly lifecycle?: object;
}

interface StatefulSetSpec {
  readonly updateStrategy?: object;
  readonly podManagementPolicy?: string;
  readonly reserveOrdinals?: readonly (number | string)[];
}

type Manifest = KubernetesObject & { readonly spec: object };

export function cloneSet(
  name: string,
  replicas: number,
  spec: PodSpec,
  more: CloneSetSpec = {},
  labels: Readonly<Record<string, string>> = {},
): Manifest {
  return {
    apiVersion: "apps.kruise.io/v1alpha1",
    kind: "CloneSet",
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name, ...labels } }, spec },
      ...more,
    },
  };
}

export function advancedStatefulSet(
  name: string,
  replicas: number,
  spec: PodSpec,
  more: StatefulSetSpec = {},
): Manifest {
  return {
    apiVersion: "apps.kruise.io/v1beta1",
    kind: "StatefulSet",
    metadata: { name },
    spec: {
      replicas,
      serviceName: name,
      podManagementPolicy: "Parallel",
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec },
      ...more,
    },
  };
}
