import { readFile } from "node:fs/promises";
import { IMAGES } from "./image-names.ts";
import type { ImageName } from "./image-names.ts";

export interface MappedImage {
  /** `registry.example/kinsync/busybox:1` */
  readonly reference: string;
  /** The user named this reference, so nodes can pull it. An image that is not named has to be on the nodes already. */
  readonly isNamed: boolean;
}

/** A reference for every image name. */
export type ImageMap = Readonly<Record<ImageName, MappedImage>>;

/**
 * The images of the situations: `localhost/NAME:1`, except those named in a file: a JSON object,
 * `{ "busybox": "registry.example/busybox:1" }`.
 * @throws if the file cannot be read, is not such an object, or names an unknown image
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
    throw new Error(`${file} is not an object of image names and references`);
  }
  for (const [name, reference] of Object.entries(value) as [string, unknown][]) {
    if (!Object.hasOwn(IMAGES, name)) {
      throw new Error(`${file} names the unknown image ${name}; known images: ${Object.keys(IMAGES).join(", ")}`);
    }
    if (typeof reference !== "string" || reference === "") {
      throw new Error(`${file}: the value of ${name} is not an image reference`);
    }
  }
  return value as Readonly<Record<string, string>>;
}
