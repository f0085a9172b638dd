import type { Pod, Target, Volume } from "@kinsync/core/contract";

/** A volume as the whole cluster identifies it. */
export interface LocatedVolume {
  /** Equal only for the same storage. */
  readonly identity: string;
  /** Folder of the storage that is the volume's root. */
  readonly path: string;
  readonly readOnly: boolean;
}

/** The storage behind a volume of a pod; `undefined` where the pod does not tell. */
export function volumeOf(volume: Volume, target: Target, pod: Pod): LocatedVolume | undefined {
  const { name, persistentVolumeClaim: claim, hostPath, nfs, csi } = volume;
  const namespace = pod.metadata.namespace ?? target.namespace;
  if (claim !== undefined) {
    return { identity: `pvc:${namespace}/${claim.claimName}`, path: "/", readOnly: claim.readOnly === true };
  }
  // Kubernetes names the claim of a generic ephemeral volume so (KEP-1698).
  if (volume.ephemeral !== undefined) {
    return { identity: `pvc:${namespace}/${pod.metadata.name}-${name}`, path: "/", readOnly: false };
  }
  if (hostPath !== undefined) {
    const node = pod.spec.nodeName ?? target.node;
    return node === undefined ? undefined : { identity: `hostPath:${node}`, path: hostPath.path, readOnly: false };
  }
  if (nfs !== undefined) {
    return { identity: `nfs:${nfs.server}`, path: nfs.path, readOnly: nfs.readOnly === true };
  }
  // Everything else lives and dies with the pod, so only the pod's containers share it.
  return {
    identity: `${typeOf(volume)}:${target.podUid}/${name}`,
    path: "/",
    readOnly: isReadOnlyType(volume) || csi?.readOnly === true,
  };
}

function typeOf(volume: Volume): string {
  const types = ["emptyDir", "configMap", "secret", "projected", "downwardAPI", "csi", "image"] as const;
  return types.find((type) => volume[type] !== undefined) ?? "volume";
}

/** The kubelet mounts these read-only, or writes them itself. */
function isReadOnlyType({ configMap, secret, projected, downwardAPI, image }: Volume): boolean {
  return [configMap, secret, projected, downwardAPI, image].some((source) => source !== undefined);
}
