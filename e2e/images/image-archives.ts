import { createHash } from "node:crypto";
import { access, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../harness/command.ts";
import type { Images } from "../cluster/cluster.ts";
import { imageArchive } from "./oci-archive.ts";
import type { Image, ImageFile } from "./oci-archive.ts";
import {
  busyboxFiles,
  commonFiles,
  nodeFiles,
  packageFiles,
  perlFiles,
  program,
  pythonFiles,
  text,
} from "./image-files.ts";

export const PAUSE_IMAGE = "localhost/pause:1";

export const IMAGES: Images = {
  busybox: "localhost/busybox:1",
  debian: "localhost/debian:1",
  python: "localhost/python:1",
  perl: "localhost/perl:1",
  "perl-base": "localhost/perl-base:1",
  node: "localhost/node:1",
  distroless: "localhost/distroless:1",
};

/** The user of the image without anything else, as in the images that people call distroless. */
const NON_ROOT = 65532;

export interface ImagesOptions {
  readonly cache: string;
  /** What the images are copied from, for the cache's key: `bash 5.2.15-2+b8`. */
  readonly packages: readonly string[];
  /** With the image of Node.js. */
  readonly node: boolean;
  readonly report: (line: string) => void;
}

export interface ImageArchives {
  /** OCI archives, the pause image first. */
  readonly archives: readonly string[];
  /** A static program that waits and reaps. */
  readonly wait: string;
}

/** Makes the images out of the machine's own files, once for each state of them. */
export async function ensureImages({ cache, packages, node, report }: ImagesOptions): Promise<ImageArchives> {
  const key = createHash("sha256").update([...packages, process.version, process.arch].join("\n"));
  for (const source of ["image-archives.ts", "oci-archive.ts", "image-files.ts", "wait.c"]) {
    key.update(await readFile(join(import.meta.dirname, source)));
  }
  const folder = join(cache, `images-${key.digest("hex").slice(0, 12)}`);
  await mkdir(folder, { recursive: true });
  const wait = join(folder, "wait");
  await ensureFile(wait, (path) =>
    run(["gcc", "-Os", "-static", "-s", "-o", path, join(import.meta.dirname, "wait.c")]),
  );
  const recipes = recipesOf(wait).filter(({ name }) => node || name !== IMAGES.node);
  const archives: string[] = [];
  for (const { name, settings, files } of recipes) {
    const archive = join(folder, fileName(name));
    archives.push(archive);
    await ensureFile(archive, async (path) => {
      report(`making the image ${name}`);
      await writeFile(path, imageArchive({ name, settings, files: await files() }));
    });
  }
  return { archives, wait };
}

/** Makes a file where it is not there yet; whole or not at all. */
async function ensureFile(path: string, make: (path: string) => Promise<unknown>): Promise<void> {
  if (await isThere(path)) return;
  const unfinished = `${path}.${process.pid}`;
  await make(unfinished);
  await rename(unfinished, path);
}

/** An image whose files are read only where it has to be made. */
interface Recipe extends Omit<Image, "files"> {
  readonly files: () => Promise<readonly ImageFile[]>;
}

function recipesOf(wait: string): readonly Recipe[] {
  const common = commonFiles();
  const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  const WorkingDir = "/app";
  const debian = ["bash", "coreutils", "dash", "findutils", "grep", "gzip", "sed", "tar"];
  const user = `${NON_ROOT}:${NON_ROOT}`;
  const own: readonly ImageFile[] = [
    { kind: "folder", path: "app", owner: NON_ROOT },
    text("etc/passwd", `root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:${user}:nonroot:/app:/sbin/nologin\n`),
    text("etc/group", `root:x:0:\nnonroot:x:${NON_ROOT}:\n`),
  ];
  return [
    {
      name: PAUSE_IMAGE,
      settings: { Entrypoint: ["/pause"], User: "65535:65535" },
      files: async () => [await program(wait, "pause")],
    },
    {
      name: IMAGES.busybox,
      settings: { Cmd: ["sh"], Env: ["PATH=/usr/local/bin:/bin"], WorkingDir },
      files: async () => [...common, ...(await busyboxFiles())],
    },
    {
      name: IMAGES.debian,
      settings: { Cmd: ["bash"], Env: [path], WorkingDir },
      files: async () => [...common, ...(await packageFiles(debian))],
    },
    {
      name: IMAGES.python,
      settings: { Cmd: ["python3"], Env: [path], WorkingDir },
      files: async () => [...common, ...(await pythonFiles())],
    },
    {
      name: IMAGES.perl,
      settings: { Cmd: ["perl"], Env: [path], WorkingDir },
      files: async () => [...common, ...(await perlFiles(["Digest::SHA", "Digest::base"]))],
    },
    {
      name: IMAGES["perl-base"],
      settings: { Cmd: ["perl"], Env: [path], WorkingDir },
      files: async () => [...common, ...(await perlFiles())],
    },
    {
      name: IMAGES.node,
      settings: { Cmd: ["node"], Env: [path], WorkingDir },
      files: async () => [...common, ...(await nodeFiles())],
    },
    {
      name: IMAGES.distroless,
      settings: { Entrypoint: ["/wait"], WorkingDir, User: user },
      files: async () => [...common, ...own, await program(wait, "wait")],
    },
  ];
}

/** `localhost/busybox:1` -> `busybox.tar` */
function fileName(image: string): string {
  return `${image.replace(/^.*\//, "").replace(/:.*$/, "")}.tar`;
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
