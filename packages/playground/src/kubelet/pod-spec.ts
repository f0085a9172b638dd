// Types of the parts of a pod that the kubelet reads; the store is untyped.

import type { StoredObject } from "../world.ts";

export type RestartPolicy = "Always" | "OnFailure" | "Never";

export interface KeyReference {
  readonly name?: string;
  readonly key: string;
  readonly optional?: boolean;
}

export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly fieldRef?: { readonly fieldPath: string };
    readonly configMapKeyRef?: KeyReference;
    readonly secretKeyRef?: KeyReference;
  };
}

export interface EnvSource {
  readonly prefix?: string;
  readonly configMapRef?: { readonly name?: string; readonly optional?: boolean };
  readonly secretRef?: { readonly name?: string; readonly optional?: boolean };
}

export interface VolumeMount {
  readonly name: string;
  readonly mountPath: string;
  readonly readOnly?: boolean;
  readonly subPath?: string;
}

export interface SecurityContext {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly readOnlyRootFilesystem?: boolean;
}

export interface Probe {
  readonly exec?: { readonly command?: readonly string[] };
  readonly initialDelaySeconds?: number;
  readonly periodSeconds?: number;
  readonly timeoutSeconds?: number;
  readonly successThreshold?: number;
  readonly failureThreshold?: number;
}

export interface ContainerSpec {
  readonly name: string;
  readonly image?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly workingDir?: string;
  readonly env?: readonly EnvVar[];
  readonly envFrom?: readonly EnvSource[];
  readonly volumeMounts?: readonly VolumeMount[];
  readonly securityContext?: SecurityContext;
  /** `Always` on an init container makes it a sidecar. */
  readonly restartPolicy?: RestartPolicy;
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly startupProbe?: Probe;
  readonly terminationMessagePolicy?: "File" | "FallbackToLogsOnError";
}

export interface KeyToPath {
  readonly key: string;
  readonly path: string;
  readonly mode?: number;
}

export interface VolumeFiles {
  readonly name?: string;
  readonly secretName?: string;
  readonly items?: readonly KeyToPath[];
  readonly optional?: boolean;
  readonly defaultMode?: number;
}

export interface Volume {
  readonly name: string;
  readonly emptyDir?: { readonly medium?: string; readonly sizeLimit?: string | number };
  readonly configMap?: VolumeFiles;
  readonly secret?: VolumeFiles;
  readonly hostPath?: { readonly path: string; readonly type?: string };
  readonly persistentVolumeClaim?: { readonly claimName: string; readonly readOnly?: boolean };
}

export interface PodSpec {
  readonly containers: readonly ContainerSpec[];
  readonly initContainers?: readonly ContainerSpec[];
  readonly ephemeralContainers?: readonly ContainerSpec[];
  readonly volumes?: readonly Volume[];
  readonly restartPolicy?: RestartPolicy;
  readonly nodeName?: string;
  readonly hostname?: string;
  readonly subdomain?: string;
  readonly schedulingGates?: readonly { readonly name: string }[];
  readonly securityContext?: SecurityContext;
  readonly terminationGracePeriodSeconds?: number;
}

export function podSpec(pod: StoredObject): PodSpec {
  return { containers: [], ...pod.spec };
}

/** Bytes of a Kubernetes quantity: `1Mi`, `500k`, `1e6`. @returns `undefined` if it is invalid. */
export function parseBytes(quantity: string | number | undefined): number | undefined {
  const match = /^(\d+(?:\.\d+)?(?:e\d+)?)([kMGTP]i?|Ki)?$/.exec(String(quantity ?? ""));
  if (match === null) return undefined;
  const [, number = "0", unit = ""] = match;
  const power = unit === "" ? 0 : "kMGTP".indexOf(unit[0] === "K" ? "k" : (unit[0] ?? "k")) + 1;
  return Math.floor(Number(number) * (unit.endsWith("i") ? 1024 : 1000) ** power);
}

/** The container that kubectl's annotation names, or the first one. */
export function defaultContainer(pod: StoredObject): string | undefined {
  return pod.metadata.annotations?.["kubectl.kubernetes.io/default-container"] ?? podSpec(pod).containers[0]?.name;
}
