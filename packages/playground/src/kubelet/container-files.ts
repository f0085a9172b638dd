// The files of a container, new for each run.

import { randomBytes } from "node:crypto";
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { unpackImage, type ImageTemplate, type ImageTools } from "../runtime/image.ts";

export interface ContainerFiles {
  /** 64 hex digits. */
  readonly id: string;
  /** The fresh layer. */
  readonly root: string;
  /** Its path names pod and instance, as the kubelet's: `pods/<uid>/containers/<name>/<instance>`. */
  readonly terminationLog: string;
}

/** Creates the files of a new run, and removes those of the previous run. */
export async function freshFiles(
  podDirectory: string,
  container: string,
  image: ImageTemplate,
  tools: ImageTools,
): Promise<ContainerFiles> {
  const id = randomBytes(32).toString("hex");
  const instance = randomBytes(4).toString("hex");
  const layers = join(podDirectory, "layers", container);
  await rm(layers, { recursive: true, force: true });
  const root = join(layers, instance);
  await mkdir(root, { recursive: true });
  await unpackImage(image, root, tools);
  const terminationLog = join(podDirectory, "containers", container, instance);
  await mkdir(join(podDirectory, "containers", container), { recursive: true });
  await writeFile(terminationLog, "");
  await chmod(terminationLog, 0o666);
  return { id, root, terminationLog };
}

/** Content of the termination log, at most 4 KiB. */
export async function terminationMessage(files: ContainerFiles): Promise<string | undefined> {
  const text = await readFile(files.terminationLog, "utf8").catch(() => "");
  return text === "" ? undefined : text.slice(0, 4096);
}
