import { createHash } from "node:crypto";

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

const EPOCH = "1970-01-01T00:00:00Z";

/**
 * An OCI image layout as a tar archive, the same bytes for the same image: one layer, no times, no compression.
 * Source: OCI image specification 1.1, image-layout.md; containerd takes the name from `io.containerd.image.name`.
 */
export function imageArchive({ name, settings, files }: Image): Buffer {
  const architecture = process.arch === "x64" ? "amd64" : process.arch;
  const platform = { architecture, os: "linux" };
  const layer = tarArchive(files);
  const history = [{ created: EPOCH, created_by: "e2e" }];
  const rootfs = { type: "layers", diff_ids: [digestOf(layer)] };
  const config = json({ created: EPOCH, ...platform, config: settings, rootfs, history });
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

/** A ustar archive, sorted by path, with the folders that are not named themselves. Everything belongs to root and is from 1970. */
export function tarArchive(files: readonly ImageFile[]): Buffer {
  const byPath = new Map<string, ImageFile>();
  for (const file of files) {
    const parts = file.path.split("/");
    for (let length = 1; length < parts.length; length++) {
      const path = parts.slice(0, length).join("/");
      if (!byPath.has(path)) byPath.set(path, { kind: "folder", path });
    }
    byPath.set(file.path, file);
  }
  const sorted = [...byPath.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const blocks = sorted.flatMap((file) => {
    const content = file.kind === "file" ? file.content : Buffer.alloc(0);
    return [header(file, content.length), content, Buffer.alloc(-content.length & 511)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

function header(file: ImageFile, size: number): Buffer {
  const block = Buffer.alloc(512);
  const text = (value: string, at: number, length: number) => {
    if (Buffer.byteLength(value) > length) throw new Error(`${value} is too long for a tar header`);
    block.write(value, at);
  };
  const octal = (value: number, at: number, length: number) =>
    text(value.toString(8).padStart(length - 1, "0"), at, length);
  const path = file.kind === "folder" ? `${file.path}/` : file.path;
  // A name of up to 100 bytes, and before it, cut at a slash, a prefix.
  const cut = Buffer.byteLength(path) > 100 ? path.indexOf("/", path.length - 101) : -1;
  text(path.slice(cut + 1), 0, 100);
  if (cut > 0) text(path.slice(0, cut), 345, 155);
  const owner = file.kind === "folder" ? (file.owner ?? 0) : 0;
  octal(file.kind === "link" ? 0o777 : file.kind === "folder" ? (file.mode ?? 0o755) : file.mode, 100, 8);
  octal(owner, 108, 8);
  octal(owner, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  block.fill(" ", 148, 156);
  text({ file: "0", link: "2", folder: "5" }[file.kind], 156, 1);
  if (file.kind === "link") text(file.target, 157, 100);
  text("ustar\0", 257, 6);
  text("00", 263, 2);
  const sum = block.reduce((total, byte) => total + byte, 0);
  text(`${sum.toString(8).padStart(6, "0")}\0 `, 148, 8);
  return block;
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
