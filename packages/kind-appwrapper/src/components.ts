import type { KubeObject, ResourceType } from "@kinsync/core/contract";

/** The part of an AppWrapper that is read. Any field may be missing. */
export type AppWrapper = KubeObject<
  { readonly components?: readonly { readonly template?: Partial<KubeObject> }[] },
  {
    readonly phase?: string;
    readonly resettingCount?: number;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason?: string }[];
    /** One for each component, in their order. */
    readonly componentStatus?: readonly { readonly name?: string }[];
  }
>;

/** A component, with its place among the components of the spec. */
export interface Component {
  readonly index: number;
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** A name that the API server generates is in the status. */
  readonly name: string | undefined;
}

export function componentsOf({ spec, status }: AppWrapper): readonly Component[] {
  return (spec?.components ?? []).flatMap(({ template }, index) => {
    const { apiVersion, kind, metadata } = template ?? {};
    if (typeof apiVersion !== "string" || typeof kind !== "string") return [];
    const slash = apiVersion.indexOf("/");
    const group = slash === -1 ? "" : apiVersion.slice(0, slash);
    const name = metadata?.name ?? status?.componentStatus?.[index]?.name;
    return [{ index, group, version: apiVersion.slice(slash + 1), kind, name }];
  });
}

/** The resources of the components that may own pods, each once. A template names no plural; it is formed as Kubernetes' tools form it. */
export function resourcesOf(root: AppWrapper): readonly ResourceType[] {
  const resources = new Map<string, ResourceType>();
  for (const { group, version, kind } of componentsOf(root)) {
    if (ownsNoPods(group, kind)) continue;
    resources.set(`${group}/${kind}`, { group, version, kind, plural: pluralOf(kind) });
  }
  return [...resources.values()];
}

/** Objects of Kubernetes' own groups but `apps` and `batch` own no pods; a Pod is a member itself. */
function ownsNoPods(group: string, kind: string): boolean {
  if (group === "") return kind !== "ReplicationController";
  return group === "policy" || group === "autoscaling" || group.endsWith(".k8s.io");
}

function pluralOf(kind: string): string {
  const word = kind.toLowerCase();
  if (/(?:s|x|z|ch|sh)$/.test(word)) return `${word}es`;
  return /[^aeiou]y$/.test(word) ? `${word.slice(0, -1)}ies` : `${word}s`;
}
