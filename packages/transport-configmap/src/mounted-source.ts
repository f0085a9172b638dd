import { posix } from "node:path";
import {
  KinsyncError,
  type Place,
  type Pod,
  type RootSpec,
  type Target,
  type VolumeMount,
} from "@kinsync/core/contract";
import { nameOf } from "./read-target.ts";
import { otherKind, type SourceKind } from "./source-kind.ts";

/** The object that a container mounts at a mapped root. */
export interface MountedSource {
  readonly namespace: string;
  readonly name: string;
  /** Absolute path of the mount in the container: the mapped root. */
  readonly mountPath: string;
  /** Keys that the volume shows; `undefined`: all. */
  readonly keys: ReadonlySet<string> | undefined;
}

/** What is mounted at a mapped root: the object, or why this root cannot be one. */
export type FoundSource =
  | { readonly source: MountedSource; readonly refusal?: never }
  | { readonly source?: never; readonly refusal: KinsyncError };

/** Where the files of a mapped root land: in the object that is mounted there, for all containers that mount it. Pure. */
export function placeOf(kind: SourceKind, target: Target, root: RootSpec, pod: Pod | undefined): Place | undefined {
  if (pod === undefined || !posix.isAbsolute(root.path)) return undefined;
  const { source } = findSource(kind, target, root, pod);
  return source && { volume: `${kind.transport}:${source.namespace}/${source.name}`, path: "/" };
}

/** The object that the pod mounts at a mapped root of a target. Pure. */
export function findSource(
  kind: SourceKind,
  target: Target,
  { path: folder, fileName }: RootSpec,
  pod: Pod,
): FoundSource {
  // A single file may have a mount of its own, which is then the reason to refuse it.
  const full = fileName === undefined ? folder : posix.resolve("/", folder, fileName);
  const isOwnMount = fileName !== undefined && mountAt(pod, target.container, full)?.mountPath === full;
  const path = isOwnMount ? full : folder;
  const at = posix.resolve("/", path);
  const where = `${nameOf(target)}: ${path}`;
  const mount = mountAt(pod, target.container, at);
  const volume = mount && pod.spec.volumes?.find(({ name }) => name === mount.name);
  if (!posix.isAbsolute(path) || at === "/" || mount === undefined || volume === undefined) {
    return wrongPath(kind, `${where} is not the mount of a ${kind.kind}`, "NOT_MOUNTED");
  }
  const name = kind.nameIn(volume);
  if (name === undefined) {
    if (volume.projected !== undefined) {
      const why = `${where} is a projected volume, which shows several objects`;
      return cannot(kind, why, "PROJECTED", `Mount the ${kind.kind} itself, as a volume of its own.`);
    }
    const other = otherKind(kind);
    if (other.nameIn(volume) !== undefined) {
      const why = `${where} is the mount of a ${other.kind}, not of a ${kind.kind}`;
      return cannot(kind, why, "OTHER_KIND", `Name the other transport in the mapping: transport: ${other.transport}`);
    }
    return wrongPath(kind, `${where} is not the mount of a ${kind.kind}`, "NOT_MOUNTED");
  }
  const object = `${kind.transport}/${name}`;
  if ((mount.subPath ?? "") !== "" || mount.subPathExpr !== undefined) {
    const why = `${where} mounts ${object} with a subPath, which the kubelet never updates`;
    return cannot(kind, why, "SUBPATH", "Mount the whole volume at a folder of its own, without `subPath`.");
  }
  const mountPath = posix.resolve("/", mount.mountPath);
  if (at !== mountPath) {
    return wrongPath(kind, `${where} is below ${mountPath}, where ${object} is mounted: it has no folders`, "FOLDER");
  }
  const items = kind.itemsIn(volume);
  const renamed = items?.find((item) => item.path !== item.key);
  if (renamed !== undefined) {
    const why = `${where} shows the key ${renamed.key} of ${object} as ${renamed.path} (\`items\`)`;
    return cannot(kind, why, "ITEMS", "Remove `items` from the volume, or give each of them its key as its path.");
  }
  const keys = items === undefined ? undefined : new Set(items.map(({ key }) => key));
  return { source: { namespace: target.namespace, name, mountPath, keys } };
}

/** The mount that covers a path: the one with the longest mount path. */
function mountAt({ spec }: Pod, container: string, path: string): VolumeMount | undefined {
  const all = [...spec.containers, ...(spec.initContainers ?? []), ...(spec.ephemeralContainers ?? [])];
  const mounts = all.find(({ name }) => name === container)?.volumeMounts ?? [];
  let best: VolumeMount | undefined;
  for (const mount of mounts) {
    const at = posix.resolve("/", mount.mountPath);
    if (path !== at && !path.startsWith(at === "/" ? "/" : `${at}/`)) continue;
    if (best === undefined || at.length > posix.resolve("/", best.mountPath).length) best = mount;
  }
  return best;
}

function wrongPath({ code, kind, transport }: SourceKind, message: string, why: string): FoundSource {
  return {
    refusal: new KinsyncError("KINSYNC_TARGET_PATH", message, {
      hint: `The transport ${transport} needs \`to\` to be the mount path of a ${kind} volume.`,
      details: { code: `${code}_${why}` },
    }),
  };
}

function cannot({ code }: SourceKind, message: string, why: string, hint: string): FoundSource {
  return {
    refusal: new KinsyncError("KINSYNC_TRANSPORT_CANNOT", message, { hint, details: { code: `${code}_${why}` } }),
  };
}
