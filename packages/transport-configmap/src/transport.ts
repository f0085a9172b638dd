import { defineTransport, type TransportPermission, type TransportPlugin } from "@kinsync/core/contract";
import { CONFIG_MAP, MAX_DATA_BYTES, SECRET, type SourceKind } from "./source-kind.ts";
import { placeOf } from "./mounted-source.ts";
import { readTarget } from "./read-target.ts";
import { DataSession } from "./session.ts";

export interface DataTransportOptions {
  /** Milliseconds between two looks for the files in the container. Default: 1,000. */
  readonly lookEvery?: number;
  /** Milliseconds in which the kubelet must have shown a change. Default: 240,000; a kubelet takes up to 90 s. */
  readonly visibleWithin?: number;
}

/** Names that the API server accepts as keys: letters, digits, `-`, `_` and `.`, and neither `.` nor a start with `..`. */
const KEYS = /^(?!\.$)(?!\.\.)[-._a-zA-Z0-9]{1,253}$/;

/**
 * The transport `configmap`: writes the files of a mapping into the ConfigMap that the members mount at the mapping's container path, by
 * server-side apply with the field manager `kinsync`. The kubelet then shows them in every member that mounts it. It changes only keys
 * that it created, creates no object, and needs `writesApi: [configmap]` in the config.
 */
export function configmap(options: DataTransportOptions = {}): TransportPlugin {
  return dataTransport(CONFIG_MAP, options);
}

/** The same for a Secret, as the transport `secret`. */
export function secret(options: DataTransportOptions = {}): TransportPlugin {
  return dataTransport(SECRET, options);
}

function dataTransport(kind: SourceKind, options: DataTransportOptions): TransportPlugin {
  const { lookEvery = 1_000, visibleWithin = 240_000 } = options;
  return defineTransport({
    name: kind.transport,
    permissions: [
      { apiGroups: [""], resources: ["pods"], verbs: ["get"] },
      { apiGroups: [""], resources: [kind.plural], verbs: ["get"] },
      ...LOOK_PERMISSIONS,
    ],
    capabilities: {
      deletes: true,
      // The kubelet swaps one link for all files of a volume.
      atomic: "batch",
      acknowledges: "accepted",
      maxBytes: MAX_DATA_BYTES,
      names: KEYS,
      writesApi: [{ apiGroups: [""], resources: [kind.plural], verbs: ["patch"] }],
    },
    place: (target, root, { pod }) => placeOf(kind, target, root, pod),
    async open(target, context) {
      const pod = await readTarget(target, context);
      return new DataSession(kind, pod, target, context, { lookEveryMs: lookEvery, visibleWithinMs: visibleWithin });
    },
  });
}

/** Without it, kinsync cannot see when files are visible. */
const LOOK_PERMISSIONS: readonly TransportPermission[] = [
  { apiGroups: [""], resources: ["pods/exec"], verbs: ["get", "create"], isOptional: true },
];
