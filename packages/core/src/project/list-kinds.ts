import type { KubeObject, ResourceType } from "../contract/resource.ts";
import type { KindEntry } from "../plugins/host.ts";
import type { OpenProjectOptions } from "./options.ts";
import type { NeededPermission } from "./permissions.ts";
import { readSettings } from "./settings.ts";

/** A resource that a kind reads besides its root and pods. */
export interface ListedRead {
  /** `replicasets.apps`. */
  readonly resource: string;
  /** The kind goes on without it. */
  readonly isOptional: boolean;
  /** Its objects are judged by their own kind. */
  readonly isDelegated: boolean;
}

/** A kind that is available, and what it reads of a root without a spec. */
export interface ListedKind {
  readonly name: string;
  /** Where its code comes from: with kinsync, or from the config. */
  readonly origin: "built-in" | "config";
  readonly root: ResourceType & { readonly versions?: readonly string[] };
  /** Roles that every root has. Roles that depend on the spec are not among them. */
  readonly roles: readonly string[];
  /** What depends on the root's spec is not among them. */
  readonly reads: readonly ListedRead[];
  /** Rights to read a workload of this kind, with what the kinds of delegated children read. */
  readonly permissions: readonly NeededPermission[];
}

/** A kind that cannot plan for a root without a spec has only its root and pods in the list. */
const NO_PLAN = { watches: [] } as const;

/**
 * Lists the kinds that are available for the config, with the code of each of them loaded. Connects to no cluster.
 *
 * Rejects with errors of the areas USAGE, CONFIG and PLUGIN.
 */
export async function listKinds(options: Omit<OpenProjectOptions, "access">): Promise<readonly ListedKind[]> {
  const settings = await readSettings(options, options.signal ?? new AbortController().signal);
  try {
    const { kinds } = await settings.registry();
    return await Promise.all(kinds.map((kind) => listKind(kind, kinds)));
  } finally {
    settings.close();
  }
}

async function listKind(entry: KindEntry, kinds: readonly KindEntry[]): Promise<ListedKind> {
  // Not at the top: commands that list no kinds must not load what reads them.
  const [{ hostKind, loadKind }, { neededPermissions }, { apiVersionOf, resourceName }] = await Promise.all([
    import("../plugins/host.ts"),
    import("./permissions.ts"),
    import("../kube/resource-path.ts"),
  ]);
  const kind = await loadKind(entry);
  const host = hostKind(kind);
  const root: KubeObject = {
    apiVersion: apiVersionOf(kind.root),
    kind: kind.root.kind,
    metadata: { name: "NAME", namespace: "NAMESPACE", uid: "UID" },
  };
  const plan = ofEmptyRoot(() => host.watches(root)) ?? NO_PLAN;
  const ref = { resource: kind.root, namespace: "NAMESPACE", name: "NAME" };
  const found = { ref, kind, root };
  return {
    name: kind.name,
    origin: entry.type === "lazy-kind" ? "built-in" : "config",
    root: kind.root,
    roles: ofEmptyRoot(() => host.roles(root)) ?? [],
    reads: plan.watches.map(({ resource, optional, delegate }) => ({
      resource: resourceName(resource),
      isOptional: optional ?? false,
      isDelegated: delegate ?? false,
    })),
    permissions: plan === NO_PLAN ? [] : await neededPermissions([{ found, transports: [] }], kinds, []),
  };
}

function ofEmptyRoot<Answer>(ask: () => Answer): Answer | undefined {
  try {
    return ask();
  } catch {
    return undefined;
  }
}
