// Hashes that name revisions.

import { isDeepStrictEqual } from "node:util";
import type { PodTemplate } from "./objects.ts";

const alphabet = "bcdfghjklmnpqrstvwxz2456789";

/** A short hash of a value, in Kubernetes' alphabet (without vowels). */
export function shortHash(value: unknown, collisionCount = 0): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(`${stable(value)}${collisionCount === 0 ? "" : collisionCount}`)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return String(hash).replace(/\d/g, (digit) => alphabet[digit.charCodeAt(0) % alphabet.length] ?? "");
}

/** JSON with sorted keys. */
function stable(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

export const templateHashLabel = "pod-template-hash";

/** Whether both templates describe the same pods; the hash label does not count. */
export function sameTemplate(a: PodTemplate, b: PodTemplate): boolean {
  return isDeepStrictEqual(withoutHash(a), withoutHash(b));
}

function withoutHash({ metadata, spec }: PodTemplate): unknown {
  const { [templateHashLabel]: _hash, ...labels } = metadata?.labels ?? {};
  return { labels, annotations: metadata?.annotations ?? {}, spec: spec ?? {} };
}
