// Kubernetes objects of kubectl. The types are those of the official client; dates are the strings of JSON.
import type { Wire } from "@kinsync/core/contract";
import type { V1ObjectMeta, V1PodSpec, V1PodStatus } from "@kubernetes/client-node";

/** The client declares classes; manifests are plain objects of the same shape. */
export type Plain<T> = T extends Date ? T : T extends object ? { [Key in keyof T]: Plain<T[Key]> } : T;

/** Metadata of an object that the API server stores. */
type StoredMetadata = Wire<V1ObjectMeta> & {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly creationTimestamp: string;
};

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: StoredMetadata;
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>>;
}

export interface Pod extends KubeObject {
  readonly spec: Wire<V1PodSpec>;
  readonly status: Wire<V1PodStatus>;
}

export type ContainerStatus = NonNullable<Pod["status"]["containerStatuses"]>[number];
