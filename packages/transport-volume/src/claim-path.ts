import { posix } from "node:path";
import type { Container, Place, Pod, VolumeMount } from "@kinsync/core/contract";

/** A folder of a claim. */
export interface ClaimPath {
  /** Name of the PersistentVolumeClaim. */
  readonly claim: string;
  /** Absolute path in the volume. */
  readonly path: string;
}

/** The identity that kinsync compares places by: the same as that of the transport `exec`. */
export function claimPlace(namespace: string, { claim, path }: ClaimPath): Place {
  return { volume: `pvc:${namespace}/${claim}`, path };
}

/** The folder of a claim that a container has at a path; `undefined` where no claim is mounted there. Pure. */
export function claimAt(pod: Pod, container: string, path: string): ClaimPath | undefined {
  if (!posix.isAbsolute(path)) return undefined;
  const at = posix.resolve("/", path);
  let best: VolumeMount | undefined;
  for (const mount of mountsOf(pod, container)) {
    const mountPath = posix.resolve("/", mount.mountPath);
    if (!isInside(mountPath, at)) continue;
    if (best === undefined || mountPath.length > posix.resolve("/", best.mountPath).length) best = mount;
  }
  const claim = best && claimOf(pod, best);
  // What a subPathExpr expands to is not known here.
  if (best === undefined || claim === undefined || best.subPathExpr !== undefined) return undefined;
  const inside = posix.relative(posix.resolve("/", best.mountPath), at);
  return { claim, path: posix.resolve("/", best.subPath ?? "", inside) };
}

/** A container that can write a claim. */
export interface ClaimWriter {
  readonly container: string;
  /** Where the container has each folder of the claim. */
  readonly mounts: readonly { readonly mountPath: string; readonly path: string }[];
}

/**
 * The first container of a pod that mounts a claim and may write it. Pure.
 * @param only a container by name
 */
export function writerIn(pod: Pod, claim: string, only?: string): ClaimWriter | undefined {
  const { containers, initContainers = [] } = pod.spec;
  const sidecars = initContainers.filter(({ restartPolicy }) => restartPolicy === "Always");
  for (const { name } of [...containers, ...sidecars]) {
    if (only !== undefined && name !== only) continue;
    const mounts = mountsOf(pod, name)
      .filter((mount) => claimOf(pod, mount) === claim && mount.readOnly !== true && mount.subPathExpr === undefined)
      .filter(
        ({ name: volume }) =>
          pod.spec.volumes?.find((each) => each.name === volume)?.persistentVolumeClaim?.readOnly !== true,
      )
      .map(({ mountPath, subPath = "" }) => ({
        mountPath: posix.resolve("/", mountPath),
        path: posix.resolve("/", subPath),
      }));
    if (mounts.length > 0) return { container: name, mounts };
  }
  return undefined;
}

/** The path at which a writer has a folder of the claim; `undefined` where its mounts do not include it. Pure. */
export function pathIn({ mounts }: ClaimWriter, path: string): string | undefined {
  const mount = mounts.find((each) => isInside(each.path, path));
  return mount && posix.join(mount.mountPath, posix.relative(mount.path, path));
}

function mountsOf({ spec }: Pod, container: string): readonly VolumeMount[] {
  const all: readonly Container[] = [
    ...spec.containers,
    ...(spec.initContainers ?? []),
    ...(spec.ephemeralContainers ?? []),
  ];
  return all.find(({ name }) => name === container)?.volumeMounts ?? [];
}

function claimOf({ metadata, spec }: Pod, mount: VolumeMount): string | undefined {
  const volume = spec.volumes?.find(({ name }) => name === mount.name);
  // Kubernetes names the claim of a generic ephemeral volume so (KEP-1698).
  if (volume?.ephemeral !== undefined) return `${metadata.name}-${volume.name}`;
  return volume?.persistentVolumeClaim?.claimName;
}

function isInside(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder === "/" ? "/" : `${folder}/`);
}
