import { createHash } from "node:crypto";
import { access, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../command.ts";
import type { Images } from "./cluster.ts";
import { imageArchive } from "./oci.ts";
import type { Image, ImageFile } from "./oci.ts";
import { busyboxFiles, commonFiles, packageFiles, program, pythonFiles, text } from "./root-files.ts";

export const PAUSE_IMAGE = "localhost/pause:1";

export const IMAGES: Images = {
  busybox: "localhost/busybox:1",
  debian: "localhost/debian:1",
  python: "localhost/python:1",
  distroless: "localhost/distroless:1",
};

/** The user of the image without anything else, as in the images that people call distroless. */
const NON_ROOT = 65532;

export interface ImagesOptions {
  readonly cache: string;
  /** What the images are copied from, for the cache's key: `bash 5.2.15-2+b8`. */
  readonly packages: readonly string[];
  readonly report: (line: string) => void;
}

export interface ImageArchives {
  /** OCI archives, the pause image first. */
  readonly archives: readonly string[];
  /** A static program that waits and reaps. */
  readonly wait: string;
}

/** Makes the images out of the machine's own files, once for each state of them. */
export async function ensureImages({ cache, packages, report }: ImagesOptions): Promise<ImageArchives> {
  const key = createHash("sha256").update(packages.join("\n"));
  for (const source of ["images.ts", "oci.ts", "root-files.ts", "wait.c"]) {
    key.update(await readFile(join(import.meta.dirname, source)));
  }
  const folder = join(cache, `images-${key.digest("hex").slice(0, 12)}`);
  const names = [PAUSE_IMAGE, ...Object.values(IMAGES)] as readonly string[];
  const made = {
    archives: names.map((name) => join(folder, fileName(name))),
    wait: join(folder, "wait"),
  };
  if (await isThere(folder)) return made;

  report("making images");
  const unfinished = `${folder}.${process.pid}`;
  await mkdir(unfinished, { recursive: true });
  try {
    const wait = join(unfinished, "wait");
    await run(["gcc", "-Os", "-static", "-s", "-o", wait, join(import.meta.dirname, "wait.c")]);
    for (const image of await describeImages(wait)) {
      await writeFile(join(unfinished, fileName(image.name)), imageArchive(image));
    }
    await rename(unfinished, folder).catch(async (error: unknown) => {
      // Somebody else was faster.
      if (!(await isThere(folder))) throw error;
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return made;
}

async function describeImages(wait: string): Promise<readonly Image[]> {
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
      files: [await program(wait, "pause")],
    },
    {
      name: IMAGES.busybox,
      settings: { Cmd: ["sh"], Env: ["PATH=/usr/local/bin:/bin"], WorkingDir },
      files: [...common, ...(await busyboxFiles())],
    },
    {
      name: IMAGES.debian,
      settings: { Cmd: ["bash"], Env: [path], WorkingDir },
      files: [...common, ...(await packageFiles(debian))],
    },
    {
      name: IMAGES.python,
      settings: { Cmd: ["python3"], Env: [path, "PYTHONUNBUFFERED=1"], WorkingDir },
      files: [...common, ...(await pythonFiles())],
    },
    {
      name: IMAGES.distroless,
      settings: { Entrypoint: ["/wait"], WorkingDir, User: user },
      files: [...common, ...own, await program(wait, "wait")],
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
