// A pod's volumes, as folders of the machine.

import { mkdir, realpath, rm, stat, symlink } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import type { ContainerMount } from "../runtime/confined-script.ts";
import { ContainerStartError } from "../runtime/container.ts";
import type { Confinement } from "../runtime/confinement.ts";
import { openMemoryVolumes, type MemoryVolumes } from "../runtime/memory-volumes.ts";
import type { Watchdog } from "../runtime/watchdog.ts";
import { MissingConfigError, type EnvironmentSources } from "./environment.ts";
import { parseBytes, type ContainerSpec, type PodSpec, type Volume } from "./pod-spec.ts";
import { ProjectedVolume, type SourceKind } from "./projected-volume.ts";

export interface VolumePlace {
  /** The pod's own folder. */
  readonly podDirectory: string;
  /** The folders of `hostPath` and claims, which outlive pods. */
  readonly nodeDirectory: string;
  readonly namespace: string;
  readonly confinement: Confinement;
  readonly watchdog: Watchdog;
  readonly sources: EnvironmentSources;
}

interface OpenVolume {
  readonly path: string;
  readonly file: boolean;
  readonly readOnly: boolean;
}

/** A pod's volumes while the pod lives. They survive the restarts of its containers. */
export class PodVolumes {
  readonly #volumes: ReadonlyMap<string, OpenVolume>;
  readonly #memory: MemoryVolumes | undefined;
  readonly #projections: readonly ProjectedVolume[];

  private constructor(
    volumes: ReadonlyMap<string, OpenVolume>,
    projections: readonly ProjectedVolume[],
    memory: MemoryVolumes | undefined,
  ) {
    this.#volumes = volumes;
    this.#projections = projections;
    this.#memory = memory;
  }

  /** Creates the folders. @throws {@link MissingConfigError} if a ConfigMap or Secret is missing. */
  static async open(spec: PodSpec, place: VolumePlace): Promise<PodVolumes> {
    const volumes = new Map<string, OpenVolume>();
    const projections: ProjectedVolume[] = [];
    const inMemory: { path: string; sizeBytes?: number }[] = [];
    for (const volume of spec.volumes ?? []) {
      volumes.set(volume.name, await openVolume(volume, place));
      const projection = projectionOf(volume, place);
      if (projection !== undefined) {
        await projection.update();
        projections.push(projection);
      }
      const { emptyDir } = volume;
      const sizeBytes = parseBytes(emptyDir?.sizeLimit);
      if (emptyDir !== undefined && (emptyDir.medium === "Memory" || sizeBytes !== undefined)) {
        inMemory.push({
          path: join(place.podDirectory, "volumes", volume.name),
          ...(sizeBytes === undefined ? {} : { sizeBytes }),
        });
      }
    }
    const { confinement } = place;
    const memory =
      confinement.kind === "confined" && inMemory.length > 0
        ? await openMemoryVolumes(confinement.tools, inMemory, place.watchdog)
        : undefined;
    return new PodVolumes(volumes, projections, memory);
  }

  /** Whether a volume shows this ConfigMap or Secret. */
  shows(kind: SourceKind, name: string): boolean {
    return this.#projections.some((projection) => projection.shows(kind, name));
  }

  /** Brings the files of ConfigMaps and Secrets up to date. A mount with a `subPath` keeps the files that it has, as on a real node. */
  async project(): Promise<void> {
    for (const projection of this.#projections) {
      // The object was deleted: the files stay.
      await projection.update().catch((error: unknown) => {
        if (!(error instanceof MissingConfigError)) throw error;
      });
    }
  }

  /** The process whose mount namespace the containers start from, if any. */
  get pid(): number | undefined {
    return this.#memory?.pid;
  }

  /** The volume mounts of a container. */
  async mounts(container: ContainerSpec): Promise<ContainerMount[]> {
    const mounts: ContainerMount[] = [];
    for (const mount of container.volumeMounts ?? []) {
      const volume = this.#volumes.get(mount.name);
      if (volume === undefined) continue;
      const subPath = posix.normalize(`/${mount.subPath ?? ""}`);
      const source = join(volume.path, subPath);
      let { file } = volume;
      if (subPath !== "/") {
        const seen = this.#memory === undefined ? source : `/proc/${this.#memory.pid}/root${source}`;
        const found = await stat(seen).catch(() => undefined);
        if (found === undefined) await mkdir(seen, { recursive: true });
        file = found?.isFile() === true;
      }
      const readOnly = volume.readOnly || mount.readOnly === true;
      mounts.push({
        kind: file ? "file" : "folder",
        source: source.replace(/\/$/, ""),
        target: posix.resolve("/", mount.mountPath),
        readOnly,
      });
    }
    return mounts;
  }

  async close(): Promise<void> {
    await this.#memory?.close();
  }
}

/**
 * Links volumes into an unconfined container, which has no mounts. A volume below another one is a link in that one's folder.
 *
 * @throws {@link ContainerStartError} if a link of the image or of a volume leads a mount point elsewhere
 */
export async function linkMounts(root: string, mounts: readonly ContainerMount[]): Promise<void> {
  const folders = [root, ...mounts.flatMap((mount) => (mount.kind === "tmpfs" ? [] : [mount.source]))];
  const own = await Promise.all(folders.map((folder) => realpath(folder).catch(() => folder)));
  const parentsFirst = mounts.toSorted((a, b) => a.target.split("/").length - b.target.split("/").length);
  for (const mount of parentsFirst) {
    if (mount.kind === "tmpfs") continue;
    const target = join(root, mount.target);
    // What stands at the mount point is removed, so it has to be the container's own.
    const parent = await realpathOfExisting(dirname(target));
    if (!own.some((folder) => parent === folder || parent.startsWith(`${folder}/`))) {
      throw new ContainerStartError(`${mount.target} cannot be mounted: a link leads it to ${parent}`, 128);
    }
    await mkdir(dirname(target), { recursive: true });
    await rm(target, { recursive: true, force: true });
    await symlink(mount.source, target);
  }
}

/** The real path of a folder, or of the nearest folder above it that exists. */
async function realpathOfExisting(folder: string): Promise<string> {
  for (let at = folder; ; at = dirname(at)) {
    const found = await realpath(at).catch(() => undefined);
    if (found !== undefined) return found;
  }
}

async function openVolume(volume: Volume, place: VolumePlace): Promise<OpenVolume> {
  const own = join(place.podDirectory, "volumes", volume.name);
  const { hostPath, persistentVolumeClaim, configMap, secret } = volume;
  if (hostPath !== undefined) {
    // The playground's node, not the machine: a manifest must not reach the user's own files.
    const path = join(place.nodeDirectory, "host", posix.normalize(`/${hostPath.path}`));
    await mkdir(path, { recursive: true });
    return { path, file: false, readOnly: false };
  }
  if (persistentVolumeClaim !== undefined) {
    const path = join(place.nodeDirectory, "claims", place.namespace, persistentVolumeClaim.claimName);
    await mkdir(path, { recursive: true });
    return { path, file: false, readOnly: persistentVolumeClaim.readOnly === true };
  }
  await mkdir(own, { recursive: true, mode: 0o777 });
  return { path: own, file: false, readOnly: configMap !== undefined || secret !== undefined };
}

function projectionOf({ name, configMap, secret }: Volume, place: VolumePlace): ProjectedVolume | undefined {
  const files = configMap ?? secret;
  if (files === undefined) return undefined;
  const kind = configMap === undefined ? "secrets" : "configmaps";
  return new ProjectedVolume(join(place.podDirectory, "volumes", name), kind, files, place.sources);
}
