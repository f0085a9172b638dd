import type { DesiredRoot } from "./desired-state.ts";
import { channelKey } from "./channels.ts";

/** Bytes of a tree from which its root gets a session of its own: on a slow link they take more than ten seconds. */
const LARGE_ROOT_BYTES = 32 * 1024 * 1024;

/**
 * The roots whose transfers would keep other roots of the target waiting. Roots of which one lies in the other share a session: they have
 * folders in common.
 */
export function largeRoots(roots: readonly DesiredRoot[], fromBytes = LARGE_ROOT_BYTES): readonly DesiredRoot[] {
  if (roots.length < 2) return [];
  return roots.filter((root) => {
    if (root.tree.bytes < fromBytes || root.follows !== undefined || root.refused !== undefined) return false;
    const others = roots.filter((each) => each !== root);
    const isInTheWay = others.some(({ mapping }) => channelKey(mapping) === channelKey(root.mapping));
    return isInTheWay && !others.some(({ spec }) => isNested(spec.path, root.spec.path));
  });
}

function isNested(one: string, other: string): boolean {
  const [a, b] = [withSlash(one), withSlash(other)];
  return a.startsWith(b) || b.startsWith(a);
}

function withSlash(path: string): string {
  return path.endsWith("/") ? path : `${path}/`;
}
