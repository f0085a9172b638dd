import type {
  Container,
  ContainerStatus,
  EnvVar,
  KeyToPath,
  KubeObject,
  ObjectMeta,
  OwnerReference,
  Pod,
  ResourceType,
  Volume,
  VolumeMount,
} from "../contract/resource.ts";
import { apiVersionOf } from "./resource-path.ts";

/**
 * Kubernetes mounts a volume with the service account's token into nearly every container, under a name with a random suffix.
 * Without the suffix containers of one template stay equal (admission plugin ServiceAccount, since Kubernetes 1.21).
 */
const TOKEN_MOUNT = { path: "/var/run/secrets/kubernetes.io/serviceaccount", name: /^kube-api-access-[a-z0-9]{5}$/ };

/** Kubernetes mounts a volume with this name into nearly every pod; no mapping goes there. */
const TOKEN_VOLUME = "kube-api-access-";

const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

/**
 * An arriving object without `managedFields` and the last-applied annotation, and with the type, which lists leave out. Throws
 * `TypeError` where it has no name or no UID.
 */
export function trimObject(raw: unknown, resource: ResourceType): KubeObject {
  const source = raw as Partial<KubeObject> & Record<string, unknown>;
  return {
    ...source,
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    metadata: trimMeta(source.metadata),
  };
}

/** Metadata only, also from servers that do not support `PartialObjectMetadata`. */
export function trimToMetadata(raw: unknown, resource: ResourceType): KubeObject {
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    metadata: trimMeta((raw as Partial<KubeObject>).metadata),
  };
}

/** The part of a pod that the contract's type names; the rest (probes, resources, tolerations) is most of its size. */
export function trimPod(raw: unknown): Pod {
  const source = raw as Partial<Pod>;
  const spec = source.spec ?? { containers: [] };
  const { status } = source;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: podMeta(source.metadata),
    spec: defined({
      nodeName: spec.nodeName,
      hostname: spec.hostname,
      containers: (spec.containers ?? []).map(trimContainer),
      initContainers: spec.initContainers?.map(trimContainer),
      ephemeralContainers: spec.ephemeralContainers?.map(trimContainer),
      volumes: spec.volumes?.filter(({ name }) => !name.startsWith(TOKEN_VOLUME)).map(trimVolume),
    }),
    ...(status === undefined
      ? {}
      : {
          status: defined({
            phase: status.phase,
            reason: status.reason,
            message: status.message,
            conditions: status.conditions?.map((condition) =>
              defined({
                type: condition.type,
                status: condition.status,
                reason: condition.reason,
                message: condition.message,
              }),
            ),
            containerStatuses: status.containerStatuses?.map(trimStatus),
            initContainerStatuses: status.initContainerStatuses?.map(trimStatus),
            ephemeralContainerStatuses: status.ephemeralContainerStatuses?.map(trimStatus),
          }),
        }),
  };
}

function trimMeta(meta: ObjectMeta | undefined): ObjectMeta {
  const checked = checkedMeta(meta);
  const { managedFields: _, ...rest } = checked as ObjectMeta & { managedFields?: unknown };
  return rest.annotations?.[LAST_APPLIED] === undefined
    ? rest
    : { ...rest, annotations: withoutLastApplied(rest.annotations) };
}

function podMeta(meta: ObjectMeta | undefined): ObjectMeta {
  const checked = checkedMeta(meta);
  return defined({
    name: checked.name,
    uid: checked.uid,
    namespace: checked.namespace,
    resourceVersion: checked.resourceVersion,
    generation: checked.generation,
    creationTimestamp: checked.creationTimestamp,
    deletionTimestamp: checked.deletionTimestamp,
    labels: checked.labels,
    annotations: checked.annotations === undefined ? undefined : withoutLastApplied(checked.annotations),
    ownerReferences: checked.ownerReferences?.map(trimReference),
  });
}

function checkedMeta(meta: ObjectMeta | undefined): ObjectMeta {
  if (typeof meta?.uid !== "string" || meta.uid === "" || typeof meta.name !== "string") {
    throw new TypeError("an object of the API has no metadata.name or no metadata.uid");
  }
  return meta;
}

function trimReference(reference: OwnerReference): OwnerReference {
  return defined({
    apiVersion: reference.apiVersion,
    kind: reference.kind,
    name: reference.name,
    uid: reference.uid,
    controller: reference.controller,
  });
}

function withoutLastApplied(annotations: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  if (annotations[LAST_APPLIED] === undefined) return annotations;
  const { [LAST_APPLIED]: _, ...rest } = annotations;
  return rest;
}

function trimContainer(container: Container): Container {
  return defined({
    name: container.name,
    image: container.image,
    workingDir: container.workingDir,
    restartPolicy: container.restartPolicy,
    volumeMounts: container.volumeMounts?.map(trimMount),
    // Without a subPathExpr nothing depends on the environment, which is a large part of many pods.
    env: container.volumeMounts?.some(({ subPathExpr }) => subPathExpr !== undefined)
      ? container.env?.map(trimVariable)
      : undefined,
  });
}

function trimMount(mount: VolumeMount): VolumeMount {
  return defined({
    name: isTokenMount(mount) ? "kube-api-access" : mount.name,
    mountPath: mount.mountPath,
    subPath: mount.subPath,
    subPathExpr: mount.subPathExpr,
    readOnly: mount.readOnly,
  });
}

function trimVariable({ name, value, valueFrom }: EnvVar): EnvVar {
  const fieldRef = valueFrom?.fieldRef;
  return defined({
    name,
    value,
    valueFrom: valueFrom && defined({ fieldRef: fieldRef && { fieldPath: fieldRef.fieldPath } }),
  });
}

function isTokenMount({ name, mountPath }: VolumeMount): boolean {
  return mountPath === TOKEN_MOUNT.path && TOKEN_MOUNT.name.test(name);
}

function trimVolume(volume: Volume): Volume {
  const { name, persistentVolumeClaim, configMap, secret, emptyDir, hostPath, nfs, csi } = volume;
  return defined({
    name,
    persistentVolumeClaim:
      persistentVolumeClaim &&
      defined({ claimName: persistentVolumeClaim.claimName, readOnly: persistentVolumeClaim.readOnly }),
    configMap: configMap && defined({ name: configMap.name, items: configMap.items?.map(trimItem) }),
    secret: secret && defined({ secretName: secret.secretName, items: secret.items?.map(trimItem) }),
    emptyDir: emptyDir && defined({ medium: emptyDir.medium }),
    hostPath: hostPath && { path: hostPath.path },
    nfs: nfs && defined({ server: nfs.server, path: nfs.path, readOnly: nfs.readOnly }),
    csi: csi && defined({ driver: csi.driver, readOnly: csi.readOnly }),
    ephemeral: volume.ephemeral && {},
    projected: volume.projected && {},
    downwardAPI: volume.downwardAPI && {},
    image: volume.image && {},
  });
}

function trimItem({ key, path }: KeyToPath): KeyToPath {
  return { key, path };
}

function trimStatus(status: ContainerStatus): ContainerStatus {
  const { state } = status;
  return defined({
    name: status.name,
    image: status.image,
    containerID: status.containerID,
    ready: status.ready,
    restartCount: status.restartCount,
    state:
      state === undefined
        ? undefined
        : defined({
            running: state.running === undefined ? undefined : defined({ startedAt: state.running.startedAt }),
            waiting:
              state.waiting === undefined
                ? undefined
                : defined({ reason: state.waiting.reason, message: state.waiting.message }),
            terminated:
              state.terminated === undefined
                ? undefined
                : defined({
                    exitCode: state.terminated.exitCode,
                    reason: state.terminated.reason,
                    message: state.terminated.message,
                  }),
          }),
  });
}

/** The type without `undefined` in its optional properties, as `exactOptionalPropertyTypes` requires. */
type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** The value without the properties that are `undefined`. A copy: `delete` would make the object slow for good. */
function defined<T extends object>(value: T): Defined<T> {
  const copy: Partial<T> = {};
  for (const key in value) {
    const inner = value[key];
    if (inner !== undefined) copy[key] = inner;
  }
  return copy as unknown as Defined<T>;
}

/** Freezes a JSON value and all values in it. Done once per arriving object, so that no plugin can change it for others. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}

/** Equality of JSON values. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  for (const key of keys) {
    if (!Object.hasOwn(right, key) || !sameJson(left[key], right[key])) return false;
  }
  return true;
}

/** Equality of two versions of an object but for `resourceVersion`, which also changes with fields that are trimmed. */
export function sameObject(a: KubeObject, b: KubeObject): boolean {
  if (a === b) return true;
  const { metadata: metaA, ...restA } = a;
  const { metadata: metaB, ...restB } = b;
  const { resourceVersion: _a, ...innerA } = metaA;
  const { resourceVersion: _b, ...innerB } = metaB;
  return sameJson(innerA, innerB) && sameJson(restA, restB);
}
