/** A kind of Kubernetes object, as API paths need it. */
export interface ResourceType {
  /** API group; the core group is the empty string. */
  readonly group: string;
  /** Version to request, such as `v1` or `v1alpha2`. */
  readonly version: string;
  /** CamelCase kind, such as `JobSet`. */
  readonly kind: string;
  /** Lower-case plural, as in the path: `jobsets`. */
  readonly plural: string;
  /** Default: `true`. */
  readonly namespaced?: boolean;
  /** What kubectl accepts besides kind, singular and plural: `["deploy"]`. */
  readonly shortNames?: readonly string[];
}

/** `metadata.ownerReferences[]`. The uid decides: a new object can have an old name, but never an old uid. */
export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
}

/** Metadata of an object, as far as kinsync reads it. */
export interface ObjectMeta {
  readonly name: string;
  readonly uid: string;
  readonly namespace?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
}

/**
 * An API type as it arrives in JSON: a `Date` is a string, and everything is read-only. For the types of @kubernetes/client-node:
 * `KubeObject<Wire<V1JobSpec>, Wire<V1JobStatus>>`.
 */
export type Wire<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? readonly Wire<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Wire<T[Key]> }
      : T;

/**
 * Any object of the API. `spec` and `status` are untrusted data, and any field may be missing. A kind that has their types can name them:
 * `const { spec } = root as KubeObject<Wire<V1JobSpec>>`.
 */
export interface KubeObject<Spec = Readonly<Record<string, unknown>>, Status = Readonly<Record<string, unknown>>> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec?: Spec;
  readonly status?: Status;
}

/** A mount of a container, as far as kinsync reads it. */
export interface VolumeMount {
  readonly name: string;
  readonly mountPath: string;
  readonly subPath?: string;
  /** A `subPath` with `$(NAME)` for variables of the container's environment. */
  readonly subPathExpr?: string;
  readonly readOnly?: boolean;
}

/** One key of a ConfigMap or Secret that a volume shows, and its path in the volume. */
export interface KeyToPath {
  readonly key: string;
  readonly path: string;
}

/** A volume of a pod, with the fields that locate its bytes. A volume of another type has only a name. */
export interface Volume {
  readonly name: string;
  readonly persistentVolumeClaim?: { readonly claimName: string; readonly readOnly?: boolean };
  readonly configMap?: { readonly name?: string; readonly items?: readonly KeyToPath[] };
  readonly secret?: { readonly secretName?: string; readonly items?: readonly KeyToPath[] };
  readonly emptyDir?: { readonly medium?: string };
  readonly hostPath?: { readonly path: string };
  readonly nfs?: { readonly server: string; readonly path: string; readonly readOnly?: boolean };
  /** A volume of a CSI driver that lives as long as the pod. */
  readonly csi?: { readonly driver: string; readonly readOnly?: boolean };
  /** A claim that Kubernetes creates for this pod, under the name `POD-VOLUME`. */
  readonly ephemeral?: object;
  readonly projected?: object;
  readonly downwardAPI?: object;
  /** The content of an image, read-only. */
  readonly image?: object;
}

/** A variable of a container's environment. Only of containers with a `subPathExpr`; one with another source has only a name. */
export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly fieldRef?: { readonly fieldPath: string } };
}

/** A container of a pod spec, as far as kinsync reads it. */
export interface Container {
  readonly name: string;
  readonly image?: string;
  readonly workingDir?: string;
  /** `Always` on an init container makes it a native sidecar. */
  readonly restartPolicy?: string;
  readonly volumeMounts?: readonly VolumeMount[];
  readonly env?: readonly EnvVar[];
}

/** Status of a container, as far as kinsync reads it. */
export interface ContainerStatus {
  readonly name: string;
  readonly image?: string;
  /** `containerd://…`; absent or empty while the container was never started. */
  readonly containerID?: string;
  readonly ready?: boolean;
  readonly restartCount?: number;
  readonly state?: {
    readonly running?: { readonly startedAt?: string };
    readonly waiting?: { readonly reason?: string; readonly message?: string };
    readonly terminated?: { readonly exitCode?: number; readonly reason?: string; readonly message?: string };
  };
}

/** A pod, with the part of it that kinsync keeps (the store trims the rest on arrival). */
export interface Pod {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec: {
    readonly nodeName?: string;
    readonly hostname?: string;
    readonly containers: readonly Container[];
    readonly initContainers?: readonly Container[];
    readonly ephemeralContainers?: readonly Container[];
    readonly volumes?: readonly Volume[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly ephemeralContainerStatuses?: readonly ContainerStatus[];
  };
}
