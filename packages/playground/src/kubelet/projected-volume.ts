// The files of a ConfigMap or Secret in a volume, which follow their object.

import { randomBytes } from "node:crypto";
import { lstat, mkdir, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { MissingConfigError, type EnvironmentSources } from "./environment.ts";
import type { VolumeFiles } from "./pod-spec.ts";

export type SourceKind = "configmaps" | "secrets";

interface File {
  readonly bytes: Buffer;
  readonly mode: number;
}

/**
 * The kubelet's layout (`pkg/volume/util/atomic_writer.go`): a folder with a time in its name, `..data` that points to it, and a link for
 * each file. A change makes a new folder and swaps `..data`, so that all files change at one moment.
 */
export class ProjectedVolume {
  readonly #folder: string;
  readonly #kind: SourceKind;
  readonly #files: VolumeFiles;
  readonly #sources: EnvironmentSources;
  #shown: ReadonlyMap<string, File> | undefined;

  constructor(folder: string, kind: SourceKind, files: VolumeFiles, sources: EnvironmentSources) {
    this.#folder = folder;
    this.#kind = kind;
    this.#files = files;
    this.#sources = sources;
  }

  shows(kind: SourceKind, name: string): boolean {
    return kind === this.#kind && name === this.#name;
  }

  /** @throws {@link MissingConfigError} if the object is missing and not optional */
  async update(): Promise<void> {
    const next = this.#read();
    if (this.#shown !== undefined && isSame(this.#shown, next)) return;
    const before = await readdir(this.#folder).catch(() => []);
    const stamped = `..${new Date().toISOString().replace(/[-:TZ]/g, "_")}${randomBytes(3).toString("hex")}`;
    await mkdir(join(this.#folder, stamped), { recursive: true });
    for (const [path, { bytes, mode }] of next) {
      const full = join(this.#folder, stamped, path);
      await mkdir(dirname(full), { recursive: true });
      await writeFile(full, bytes, { mode });
    }
    await rm(join(this.#folder, "..data_tmp"), { force: true });
    await symlink(stamped, join(this.#folder, "..data_tmp"));
    await rename(join(this.#folder, "..data_tmp"), join(this.#folder, "..data"));
    const tops = new Set([...next.keys()].map((path) => path.split("/")[0] ?? ""));
    for (const top of tops) {
      const link = join(this.#folder, top);
      if ((await lstat(link).catch(() => undefined)) === undefined) await symlink(`..data/${top}`, link);
    }
    for (const name of before) {
      if (name === "..data" || tops.has(name)) continue;
      await rm(join(this.#folder, name), { recursive: true, force: true });
    }
    this.#shown = next;
  }

  get #name(): string {
    return this.#files.name ?? this.#files.secretName ?? "";
  }

  #read(): ReadonlyMap<string, File> {
    const { items, optional, defaultMode = 0o644 } = this.#files;
    const data = this.#sources.data(this.#kind, this.#name);
    if (data === undefined && optional !== true) {
      throw new MissingConfigError(`${this.#kind === "configmaps" ? "configmap" : "secret"} "${this.#name}" not found`);
    }
    const shown = items ?? Object.keys(data ?? {}).map((key) => ({ key, path: key, mode: undefined }));
    return new Map(
      shown.map(({ key, path, mode }) => [
        posix.normalize(`/${path}`).slice(1),
        { bytes: data?.[key] ?? Buffer.alloc(0), mode: mode ?? defaultMode },
      ]),
    );
  }
}

function isSame(one: ReadonlyMap<string, File>, other: ReadonlyMap<string, File>): boolean {
  if (one.size !== other.size) return false;
  for (const [path, file] of one) {
    const against = other.get(path);
    if (against === undefined || against.mode !== file.mode || !against.bytes.equals(file.bytes)) return false;
  }
  return true;
}
