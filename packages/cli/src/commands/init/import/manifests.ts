import { readFileSync } from "node:fs";
import { glob } from "node:fs/promises";
import { join } from "node:path";

/** A workload that a manifest of the folder defines. */
export interface ManifestWorkload {
  /** `deployment/web`. */
  readonly workload: string;
  readonly namespace: string | undefined;
  readonly images: readonly string[];
}

/** Manifests that are read at most. */
const MAX_FILES = 200;

/** The workloads of YAML manifests. Templates and files that cannot be parsed are skipped. */
export async function readManifests(folder: string, globs: readonly string[]): Promise<readonly ManifestWorkload[]> {
  const { parseAllDocuments } = await import("yaml");
  const files = new Set<string>();
  for (const pattern of globs) {
    for await (const file of glob(pattern, { cwd: folder })) {
      if (files.size < MAX_FILES && /\.ya?ml$/.test(file)) files.add(file);
    }
  }
  return [...files].flatMap((file) => {
    try {
      const documents = parseAllDocuments(readFileSync(join(folder, file), "utf8"));
      return documents.flatMap((document) => workloadOf(document.toJS()));
    } catch {
      return [];
    }
  });
}

function workloadOf(object: unknown): readonly ManifestWorkload[] {
  const { kind, metadata, spec } = (object ?? {}) as Record<string, Record<string, unknown> | undefined>;
  const images = imagesIn(spec);
  const name = metadata?.["name"];
  if (typeof kind !== "string" || typeof name !== "string" || images.length === 0) return [];
  const namespace = metadata?.["namespace"];
  return [
    {
      workload: `${(kind as string).toLowerCase()}/${name}`,
      namespace: typeof namespace === "string" ? namespace : undefined,
      images,
    },
  ];
}

/** Every `image:` of an object, at any depth: a pod template stands in another place in each kind. */
export function imagesIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(imagesIn);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) =>
    key === "image" && typeof each === "string" ? [each] : imagesIn(each),
  );
}

/** Whether two names mean one image, whatever registry, tag and digest they have. */
export function isSameImage(one: string, other: string): boolean {
  const [a, b] = [bareImage(one), bareImage(other)];
  return a === b || a.endsWith(`/${b}`) || b.endsWith(`/${a}`);
}

function bareImage(image: string): string {
  return image.replace(/@.*$/, "").replace(/:[^/:]*$/, "");
}
