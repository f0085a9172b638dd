import { createHash } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { pack } from "tar-stream";
import type { Header } from "tar-stream";

/** A file of an image. Paths are relative, without `./`: `usr/bin/tar`. */
export type ImageFile =
  | { readonly kind: "folder"; readonly path: string; readonly mode?: number; readonly owner?: number }
  | { readonly kind: "file"; readonly path: string; readonly mode: number; readonly content: Buffer }
  | { readonly kind: "link"; readonly path: string; readonly target: string };

/** As in an OCI image configuration. */
export interface ImageSettings {
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Env?: readonly string[];
  readonly WorkingDir?: string;
  /** `UID:GID` */
  readonly User?: string;
}

export interface Image {
  /** With a host and a tag: `localhost/busybox:1`. */
  readonly name: string;
  readonly settings: ImageSettings;
  readonly files: readonly ImageFile[];
}

const CREATED = "1970-01-01T00:00:00Z";

/**
 * An OCI image layout as a tar archive, reproducible: one layer, no times, no compression.
 * Source: OCI image specification 1.1, image-layout.md; containerd reads the name from `io.containerd.image.name`.
 */
export async function imageArchive({ name, settings, files }: Image): Promise<Buffer> {
  const architecture = process.arch === "x64" ? "amd64" : process.arch;
  const platform = { architecture, os: "linux" };
  const layer = await tarArchive(files);
  const history = [{ created: CREATED, created_by: "e2e" }];
  const rootfs = { type: "layers", diff_ids: [digestOf(layer)] };
  const config = json({ created: CREATED, ...platform, config: settings, rootfs, history });
  const manifest = json({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: descriptor("application/vnd.oci.image.config.v1+json", config),
    layers: [descriptor("application/vnd.oci.image.layer.v1.tar", layer)],
  });
  const annotations = {
    "io.containerd.image.name": name,
    "org.opencontainers.image.ref.name": name.slice(name.lastIndexOf(":") + 1),
  };
  const index = json({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [{ ...descriptor("application/vnd.oci.image.manifest.v1+json", manifest), platform, annotations }],
  });
  const file = (path: string, content: Buffer): ImageFile => ({ kind: "file", path, mode: 0o644, content });
  const blobs = [layer, config, manifest].map((blob) => file(`blobs/sha256/${digestOf(blob).slice(7)}`, blob));
  return tarArchive([file("oci-layout", json({ imageLayoutVersion: "1.0.0" })), file("index.json", index), ...blobs]);
}

/** A tar archive, sorted by path, including the parent folders that are not listed. All entries belong to root unless stated, and are from 1970. */
async function tarArchive(files: readonly ImageFile[]): Promise<Buffer> {
  const byPath = new Map<string, ImageFile>();
  for (const file of files) {
    const parts = file.path.split("/");
    for (let length = 1; length < parts.length; length++) {
      const path = parts.slice(0, length).join("/");
      if (!byPath.has(path)) byPath.set(path, { kind: "folder", path });
    }
    byPath.set(file.path, file);
  }
  const archive = pack();
  for (const file of [...byPath.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    if (file.kind === "file") archive.entry(headerOf(file), file.content);
    else archive.entry(headerOf(file));
  }
  archive.finalize();
  return buffer(archive);
}

function headerOf(file: ImageFile): Partial<Header> & Pick<Header, "name"> {
  const common = { name: file.path, mtime: new Date(0), uid: 0, gid: 0 };
  switch (file.kind) {
    case "file":
      return { ...common, type: "file", mode: file.mode, size: file.content.length };
    case "link":
      return { ...common, type: "symlink", mode: 0o777, linkname: file.target };
    case "folder": {
      const { mode = 0o755, owner = 0 } = file;
      return { ...common, type: "directory", name: `${file.path}/`, mode, uid: owner, gid: owner };
    }
  }
}

function descriptor(mediaType: string, content: Buffer) {
  return { mediaType, digest: digestOf(content), size: content.length };
}

function digestOf(content: Buffer): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
