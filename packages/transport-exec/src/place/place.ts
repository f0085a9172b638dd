import { posix } from "node:path";
import type { Container, Place, PlaceContext, Pod, RootSpec, Target, VolumeMount } from "@kinsync/core/contract";
import { expandSubPath } from "./sub-path.ts";
import { volumeOf } from "./volume.ts";

/**
 * Where the folder of a mapped root lands: the volume that is mounted there, and the path inside it. Reads the pod only.
 * @returns `undefined` where no volume is mounted at or above the folder, where the path is relative, and where the pod does not tell
 */
export function placeOf(target: Target, root: RootSpec, { pod }: PlaceContext): Place | undefined {
  if (pod === undefined || !posix.isAbsolute(root.path)) return undefined;
  const container = containerOf(pod, target.container);
  const path = normalize(root.path);
  const mount = mountAt(container?.volumeMounts ?? [], path);
  const volume = mount && pod.spec.volumes?.find(({ name }) => name === mount.name);
  if (container === undefined || mount === undefined || volume === undefined) return undefined;
  const located = volumeOf(volume, target, pod);
  const subPath = mount.subPathExpr === undefined ? mount.subPath : expandSubPath(mount.subPathExpr, container, pod);
  // An expression that cannot be expanded here names an unknown folder.
  if (located === undefined || (mount.subPathExpr !== undefined && subPath === undefined)) return undefined;
  const inside = posix.relative(normalize(mount.mountPath), path);
  const isReadOnly = located.readOnly || mount.readOnly === true;
  return {
    volume: located.identity,
    path: normalize(posix.join(located.path, subPath ?? "", inside)),
    ...(isReadOnly ? { readOnly: true } : {}),
  };
}

function containerOf({ spec }: Pod, name: string): Container | undefined {
  const all = [...spec.containers, ...(spec.initContainers ?? []), ...(spec.ephemeralContainers ?? [])];
  return all.find((container) => container.name === name);
}

/** The mount that covers a path: the one with the longest mount path. */
function mountAt(mounts: readonly VolumeMount[], path: string): VolumeMount | undefined {
  let best: VolumeMount | undefined;
  for (const mount of mounts) {
    const at = normalize(mount.mountPath);
    if (path !== at && !path.startsWith(at === "/" ? "/" : `${at}/`)) continue;
    if (best === undefined || at.length > normalize(best.mountPath).length) best = mount;
  }
  return best;
}

/** Absolute, without `.`, `..`, double and trailing slashes. */
function normalize(path: string): string {
  return posix.resolve("/", path);
}
