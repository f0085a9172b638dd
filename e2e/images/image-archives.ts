import { createHash } from "node:crypto";
import { access, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../harness/command.ts";
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
import { IMAGES, PAUSE_IMAGE } from "./image-names.ts";
import { imageArchive } from "./oci-archive.ts";
import type { Image, ImageFile } from "./oci-archive.ts";

/** The user of the distroless image. */
const NON_ROOT = 65532;

export interface ImagesOptions {
  readonly cache: string;
  /** Packages that the images are copied from, for the key of the cache: `bash 5.2.15-2+b8`. */
  readonly packages: readonly string[];
  /** Also builds the image of Node.js. */
  readonly node: boolean;
  readonly report: (line: string) => void;
}

export interface ImageArchives {
  /** OCI archives, the pause image first. */
  readonly archives: readonly string[];
  /** A static program that waits and reaps. */
  readonly wait: string;
}

/** Builds the images from the machine's own files, once for each state of these files. */
export async function ensureImages({ cache, packages, node, report }: ImagesOptions): Promise<ImageArchives> {
  const key = createHash("sha256").update([...packages, process.version, process.arch].join("\n"));
  for (const source of ["image-archives.ts", "image-files.ts", "image-names.ts", "oci-archive.ts", "wait.c"]) {
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
      report(`building the image ${name}`);
      await writeFile(path, await imageArchive({ name, settings, files: await files() }));
    });
  }
  return { archives, wait };
}

/** Creates a missing file atomically. */
async function ensureFile(path: string, create: (path: string) => Promise<unknown>): Promise<void> {
  if (await exists(path)) return;
  const unfinished = `${path}.${process.pid}`;
  await create(unfinished);
  await rename(unfinished, path);
}

/** An image whose files are read only if it has to be built. */
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
      name: IMAGES.training,
      settings: { Cmd: ["sh"], Env: [path], WorkingDir },
      files: async () => [
        ...common,
        ...onceEach([...(await packageFiles(["coreutils", "dash", "grep", "sed"])), ...(await pythonFiles())]),
      ],
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

/** Two sets of programs have libraries in common. */
function onceEach(files: readonly ImageFile[]): readonly ImageFile[] {
  return [...new Map(files.map((file) => [file.path, file])).values()];
}

/** `localhost/busybox:1` -> `busybox.tar` */
function fileName(image: string): string {
  return `${image.replace(/^.*\//, "").replace(/:.*$/, "")}.tar`;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
