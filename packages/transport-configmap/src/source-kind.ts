import type { Volume } from "@kinsync/core/contract";

/** Bytes of all values of a ConfigMap or Secret: `MaxSecretSize` of k8s.io/kubernetes/pkg/apis/core. */
export const MAX_DATA_BYTES = 1024 * 1024;

/** A kind of object whose keys a volume shows as files. */
export interface SourceKind {
  /** Name of the transport. */
  readonly transport: string;
  readonly kind: "ConfigMap" | "Secret";
  readonly plural: "configmaps" | "secrets";
  /** Prefix of `details.code` of errors. */
  readonly code: "CONFIGMAP" | "SECRET";
  /** Name of the object that a volume shows; `undefined` for a volume of another type. */
  readonly nameIn: (volume: Volume) => string | undefined;
  readonly itemsIn: (volume: Volume) => readonly { readonly key: string; readonly path: string }[] | undefined;
}

export const CONFIG_MAP: SourceKind = {
  transport: "configmap",
  kind: "ConfigMap",
  plural: "configmaps",
  code: "CONFIGMAP",
  nameIn: ({ configMap }) => configMap?.name,
  itemsIn: ({ configMap }) => configMap?.items,
};

export const SECRET: SourceKind = {
  transport: "secret",
  kind: "Secret",
  plural: "secrets",
  code: "SECRET",
  nameIn: ({ secret }) => secret?.secretName,
  itemsIn: ({ secret }) => secret?.items,
};

/** The kind of a volume that is of the other one. */
export function otherKind(kind: SourceKind): SourceKind {
  return kind === CONFIG_MAP ? SECRET : CONFIG_MAP;
}
