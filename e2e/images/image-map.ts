import { readFile } from "node:fs/promises";
import { IMAGES } from "./image-archives.ts";
import type { Images } from "../cluster/cluster.ts";

/** What a situation calls an image by: `busybox`. What each one holds: e2e/README.md. */
export type ImageName = keyof Images;

export interface MappedImage {
  /** `registry.example/kinsync/busybox:1` */
  readonly reference: string;
  /** The user named it, so that nodes can get it; of one that is not named, the nodes have to hold it. */
  readonly isNamed: boolean;
}

/** By name; all names are there. */
export type ImageMap = Readonly<Record<ImageName, MappedImage>>;

/**
 * The images of the situations: `localhost/NAME:1`, except those that a file names: a JSON object, `{ "busybox": "registry.example/busybox:1" }`.
 * @throws where the file cannot be read, is no such object, or names an image that no situation has.
 */
export async function readImageMap(file: string | undefined): Promise<ImageMap> {
  const named = file === undefined ? {} : parseNamed(file, await readFile(file, "utf8"));
  const entries = Object.entries(IMAGES).map(([name, reference]: [string, string]) => {
    const own = named[name];
    return [name, { reference: own ?? reference, isNamed: own !== undefined }] as const;
  });
  return Object.fromEntries(entries) as ImageMap;
}

function parseNamed(file: string, text: string): Readonly<Record<string, string>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Error(`${file} is not JSON`, { cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Error(`${file} is no object of image names and references`);
  }
  for (const [name, reference] of Object.entries(value) as [string, unknown][]) {
    if (!Object.hasOwn(IMAGES, name)) {
      throw new Error(`${file} names the image ${name}; there are ${Object.keys(IMAGES).join(", ")}`);
    }
    if (typeof reference !== "string" || reference === "") throw new Error(`${file}: ${name} is no image reference`);
  }
  return value as Readonly<Record<string, string>>;
}
